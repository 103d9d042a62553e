// One entry of the map, and the header that its encoded form begins with.

/// What an entry says of its key.
package struct EntryKind: RawRepresentable, Hashable, Sendable {
    /// Its byte in encoded form.
    package let rawValue: UInt8
    /// Any byte: 2 to 255 are not sent by this version, and are treated like values.
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The key has a value.
    package static let value = EntryKind(rawValue: 0)
    /// The key was deleted.
    package static let tombstone = EntryKind(rawValue: 1)
}

/// An entry's fixed part. In encoded form it is 31 bytes, numbers most significant byte first: key length (2), value
/// length (4), kind (1), clock (8), origin (8), expiry in milliseconds or zero (8); then the key, then the value.
package struct EntryHeader: Hashable, Sendable {
    /// 1 to `Key.byteCountMax`, once it was checked.
    package let keyByteCount: Int
    /// 0 to `Entry.valueByteCountMax`, once it was checked; 0 in a tombstone.
    package let valueByteCount: Int
    /// Whether the key has a value or was deleted.
    package let kind: EntryKind
    /// What decides between two entries of the key.
    package let version: Version
    /// When the entry ceases to be, or nil for never.
    package let expiry: WallTime?

    /// Length of the header itself in encoded form.
    package static let byteCount = 31

    /// Of an entry's parts, which are not checked.
    package init(keyByteCount: Int, valueByteCount: Int, kind: EntryKind, version: Version, expiry: WallTime?) {
        self.keyByteCount = keyByteCount
        self.valueByteCount = valueByteCount
        self.kind = kind
        self.version = version
        self.expiry = expiry
    }

    /// The header at the start of encoded bytes, of which there are at least 31.
    @inline(__always)
    package init(encoded: RawSpan) {
        keyByteCount = Int(encoded.bigEndian(at: 0, as: UInt16.self))
        valueByteCount = Int(encoded.bigEndian(at: 2, as: UInt32.self))
        kind = EntryKind(rawValue: encoded.byte(at: 6))
        version = Version(
            clock: Clock(raw: encoded.bigEndian(at: 7, as: UInt64.self)),
            origin: Origin(raw: encoded.bigEndian(at: 15, as: UInt64.self)))
        let milliseconds = encoded.bigEndian(at: 23, as: UInt64.self)
        expiry = milliseconds == 0 ? nil : WallTime(milliseconds: milliseconds)
    }

    /// The encoded form of the header.
    package var encoded: InlineArray<31, UInt8> {
        var bytes = InlineArray<31, UInt8>(repeating: 0)
        unsafe withUnsafeMutableBytes(of: &bytes) { output in
            unsafe output.storeBytes(of: UInt16(keyByteCount).bigEndian, toByteOffset: 0, as: UInt16.self)
            unsafe output.storeBytes(of: UInt32(valueByteCount).bigEndian, toByteOffset: 2, as: UInt32.self)
            unsafe output.storeBytes(of: kind.rawValue, toByteOffset: 6, as: UInt8.self)
            unsafe output.storeBytes(of: version.clock.raw.bigEndian, toByteOffset: 7, as: UInt64.self)
            unsafe output.storeBytes(of: version.origin.raw.bigEndian, toByteOffset: 15, as: UInt64.self)
            unsafe output.storeBytes(of: (expiry?.milliseconds ?? 0).bigEndian, toByteOffset: 23, as: UInt64.self)
        }
        return bytes
    }

    /// Length of the whole encoded entry in bytes.
    package var encodedByteCount: Int { Self.byteCount + keyByteCount + valueByteCount }

    /// Whether it has ceased to be by a wall clock. It is in the map all the same, until its purge time.
    package func isExpired(at now: WallTime) -> Bool {
        guard let expiry else { return false }
        return expiry <= now
    }

    /// When the entry, which has this key, leaves every map, or nil for never.
    @inline(__always)
    package func purgeTime(ofKey key: RawSpan) -> WallTime? {
        Self.purgeTime(version.clock, expiry: expiry, ofKey: key)
    }

    /// When an entry that expires leaves every map, value or tombstone: a time after its clock that is fixed for its
    /// class, so that the newer of two entries of one key always stays longer, whatever their leases. Were it gone
    /// earlier, an older entry would come back from a member that was away.
    @inline(__always)
    package static func purgeTime(_ clock: Clock, expiry: WallTime?, ofKey key: RawSpan) -> WallTime? {
        guard expiry != nil else { return nil }
        return clock.time.advanced(byMilliseconds: KeyClass.keptMilliseconds(ofLease: key))
    }
}

/// One entry of the map, on its own.
package struct Entry: Hashable, Sendable {
    /// What it is the entry of.
    package let key: Key
    /// Whether the key has a value or was deleted.
    package let kind: EntryKind
    /// What decides between it and another entry of the key.
    package let version: Version
    /// When it ceases to be, or nil for never.
    package let expiry: WallTime?
    /// Empty in a tombstone.
    package let value: [UInt8]

    /// Longest value in bytes.
    package static let valueByteCountMax = 1 << 20

    /// Nothing is checked: entries of this host come from `LocalWrite`, those of others go through `Admission`.
    package init(key: Key, kind: EntryKind = .value, version: Version, expiry: WallTime? = nil, value: [UInt8] = []) {
        self.key = key
        self.kind = kind
        self.version = version
        self.expiry = expiry
        self.value = value
    }

    /// What its encoded form begins with.
    package var header: EntryHeader {
        EntryHeader(
            keyByteCount: key.bytes.count, valueByteCount: value.count, kind: kind, version: version, expiry: expiry)
    }

    /// Encodes and hashes it anew each time; the store keeps the digests of its entries.
    package var digest: Digest {
        var batch = EntryBatch()
        batch.append(self)
        return unsafe Digest(ofEncoded: batch.bytes.span.bytes)
    }

    /// Whether it says that its key was deleted.
    package var isTombstone: Bool { kind == .tombstone }

    /// Whether it has ceased to be by a wall clock. It is in the map all the same, until its purge time.
    package func isExpired(at now: WallTime) -> Bool { header.isExpired(at: now) }

    /// When it leaves every map, or nil for never.
    package var purgeTime: WallTime? { unsafe header.purgeTime(ofKey: key.bytes.span.bytes) }
}

/// The order in which entries of one key win: by clock, then origin, then digest. Its maximum is the merge, which
/// therefore commutes, associates and is idempotent.
package struct Precedence: Comparable, Sendable {
    /// Looked at first.
    package let version: Version
    /// Looked at where versions are equal, which honest members never make of two different entries.
    package let digest: Digest

    /// Of an entry whose digest is known.
    @inline(__always)
    package init(version: Version, digest: Digest) {
        self.version = version
        self.digest = digest
    }

    /// Whether the left entry loses against the right one.
    @inline(__always)
    package static func < (left: Precedence, right: Precedence) -> Bool {
        if left.version != right.version { return left.version < right.version }
        return left.digest < right.digest
    }
}

extension Entry {
    /// Its place among the entries of its key. Computes the digest.
    package var precedence: Precedence { Precedence(version: version, digest: digest) }

    /// The merge of two entries of one key.
    package func merged(with other: Entry) -> Entry {
        precedence < other.precedence ? other : self
    }
}
