// What the store tells its subscribers.
package import Replica

/// Where a change came from.
package enum ChangeSource: Sendable, Hashable {
    /// Written on this host.
    case local
    /// Received over the link of this number.
    case link(UInt64)
    /// Purged after its expiry.
    case expiry
    /// Stamped anew after this host's clock was put right.
    case restamp
}

/// The changes of one request.
package struct ChangeGroup: Sendable {
    /// Who asked for them.
    package let source: ChangeSource
    /// The entries that changed the map, in the order of their writing; of an expiry, the entries as they were.
    package let entries: EntryBatch
    /// For each entry the version that it replaced, or nil where the key was new.
    package let replaced: [Version?]

    /// For each entry there is one element of `replaced`.
    package init(source: ChangeSource, entries: EntryBatch, replaced: [Version?]) {
        self.source = source
        self.entries = entries
        self.replaced = replaced
    }
}

/// What one commit changed in the map. Subscribers share its memory.
package struct Commit: Sendable {
    /// Ascending, and without a gap unless a `rescan` lies between.
    package let sequence: UInt64
    /// In the order in which they were done; never empty.
    package let groups: [ChangeGroup]

    /// A commit as the store announces it.
    package init(sequence: UInt64, groups: [ChangeGroup]) {
        self.sequence = sequence
        self.groups = groups
    }

    /// The memory it holds, in bytes, nearly.
    var byteCount: Int { groups.reduce(64) { $0 + $1.entries.byteCount + 24 * $1.replaced.count + 64 } }
}

/// One event of a feed.
package enum ChangeEvent: Sendable {
    case commit(Commit)
    /// Changes were dropped, because the subscriber fell behind or the store was opened anew. A snapshot taken after
    /// this event has all of them.
    case rescan
}
