// Which entries received from elsewhere a member takes into its map, and why it refuses the others.

/// Why an entry was not taken.
package enum Refusal: UInt8, Sendable, CaseIterable {
    /// It has left every map, or is about to, by the receiver's clock.
    case expired = 1
    /// It is stamped further ahead of the receiver's clock than the clock bound.
    case aheadOfTime = 2
    /// The link's keys do not allow the peer to write it.
    case notAllowed = 3
    /// Its key, expiry or kind breaks the rules of the map.
    case invalid = 4

    /// A few words for people.
    package var meaning: String {
        switch self {
        case .expired: "it has expired"
        case .aheadOfTime: "it is stamped ahead of this member's clock"
        case .notAllowed: "the link's key does not allow it"
        case .invalid: "it breaks the rules of the map"
        }
    }
}

/// What the peer of a link may write.
package enum WriteScope: Sendable, Hashable {
    /// A full member that knows audit entries: every entry.
    case everything
    /// The peer of a gateway, or a full member of an earlier version: every entry but those of audit.
    case allButAudit
    /// A member joined by a gateway's key alone: `server/`, `login/` and `session/` entries of its own server id.
    case own(serverID: [UInt8])
}

/// The rules for received entries at one moment.
package struct Admission: Sendable {
    /// An entry stamped further ahead than this is refused, in milliseconds.
    package static let clockBoundMilliseconds: UInt64 = 60_000

    /// The receiver's wall clock.
    package let now: WallTime
    /// What the sender may write.
    package let scope: WriteScope

    /// The rules at a moment, for what came from a full member unless a scope says otherwise.
    package init(now: WallTime, scope: WriteScope = .everything) {
        self.now = now
        self.scope = scope
    }

    /// The reason to refuse an entry, or nil.
    package func refusal(_ header: EntryHeader, key: RawSpan) -> Refusal? {
        guard let keyClass = try? KeyClass(of: key) else { return .invalid }
        guard Self.isWellFormed(header, keyClass) else { return .invalid }
        switch scope {
        case .everything: break
        case .allButAudit: if keyClass == .audit { return .notAllowed }
        case .own(let serverID): if !Self.isOwn(key, serverID: serverID) { return .notAllowed }
        }
        if header.version.clock.time > now.advanced(byMilliseconds: Self.clockBoundMilliseconds) { return .aheadOfTime }
        if let purgeTime = header.purgeTime(ofKey: key), purgeTime <= now { return .expired }
        return nil
    }

    /// Whether kind, value and expiry are what the class asks for. Only the entry itself decides, so every member
    /// judges alike.
    private static func isWellFormed(_ header: EntryHeader, _ keyClass: KeyClass) -> Bool {
        guard header.valueByteCount <= Entry.valueByteCountMax else { return false }
        if header.kind == .tombstone, header.valueByteCount != 0 { return false }
        return switch (header.kind, keyClass.longestLeaseMilliseconds) {
        case (.tombstone, .some(let longest)):
            header.expiry == tombstoneExpiry(header.version.clock, longest: longest)
        case (_, .some(let longest)):
            header.expiry.map { expiry in
                expiry > header.version.clock.time
                    && expiry <= header.version.clock.time.advanced(byMilliseconds: longest)
            } ?? false
        case (_, nil):
            header.expiry == nil
        }
    }

    /// Whether a key is among those that a gateway with some server id may write.
    package static func isOwn(_ key: RawSpan, serverID: [UInt8]) -> Bool {
        guard let keyClass = try? KeyClass(of: key) else { return false }
        guard keyClass == .server || keyClass == .login || keyClass == .session else { return false }
        guard let range = keyClass.ownerRange(in: key), range.count == serverID.count else { return false }
        return zip(range, serverID).allSatisfy { key.byte(at: $0) == $1 }
    }

    /// When a lease's tombstone may be forgotten: after every renewal that it could shadow, so that no
    /// acknowledgement from anybody is needed.
    package static func tombstoneExpiry(_ clock: Clock, longest: UInt64) -> WallTime {
        clock.time.advanced(byMilliseconds: longest + KeyClass.tombstoneMarginMilliseconds)
    }
}

/// A write asked for on this host, before it has a version.
package struct LocalWrite: Sendable {
    /// What becomes of the key.
    package enum Change: Sendable {
        /// A value; with a lease's time to live in milliseconds where the class is a lease.
        case put([UInt8], leaseMilliseconds: UInt64?)
        /// The value goes: a tombstone takes its place, also where the key has no value.
        case delete
    }

    /// Of any class: whether this member should write it is for the caller to know.
    package let key: Key
    /// What becomes of the key.
    package let change: Change

    /// A write that is not checked yet: the store refuses a value that is too long.
    package init(key: Key, change: Change) {
        self.key = key
        self.change = change
    }

    /// The entry to store, with the version that it was given.
    package func entry(_ version: Version) -> Entry {
        let longest = key.keyClass.longestLeaseMilliseconds
        switch change {
        case .put(let value, let lease):
            let expiry = longest.map { version.clock.time.advanced(byMilliseconds: min(lease ?? $0, $0)) }
            return Entry(key: key, version: version, expiry: expiry, value: value)
        case .delete:
            let expiry = longest.map { Admission.tombstoneExpiry(version.clock, longest: $0) }
            return Entry(key: key, kind: .tombstone, version: version, expiry: expiry)
        }
    }
}
