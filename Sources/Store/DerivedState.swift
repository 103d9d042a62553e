// What follows from the map's entries and is kept in memory: rebuilt by one scan at open, kept up with each commit.
import Replica

/// What the store knows of its whole map.
struct DerivedState {
    var summary = MapSummary()
    /// Entries that have a value, expired ones that are not yet purged included.
    var valueCount = 0
    var tombstoneCount = 0
    /// No entry is to be purged before this time.
    var nextPurge: WallTime?

    /// Reads every record once, in order. Stored digests are trusted here; `Store.check` computes them anew.
    init(scanning transaction: borrowing some Transaction & ~Copyable, path: String) throws(StoreError) {
        try transaction.withCursor(.entries) { cursor throws(StoreError) in
            var isAtRecord = try cursor.moveToFirst()
            while isAtRecord {
                try cursor.withRecord { key, record throws(StoreError) in
                    guard let stored = RecordHeader(record) else {
                        let name = Key(checked: key.copy())
                        throw .damaged(path: path, reason: "the record of key \"\(name)\" is cut off")
                    }
                    add(stored)
                }
                isAtRecord = try cursor.moveToNext()
            }
        }
    }

    @inline(__always)
    private mutating func add(_ stored: RecordHeader) {
        summary.add(stored.digest)
        count(stored.kind, 1)
        if let purgeTime = stored.purgeTime { nextPurge = min(nextPurge ?? purgeTime, purgeTime) }
    }

    private mutating func count(_ kind: EntryKind, _ change: Int) {
        if kind == .tombstone { tombstoneCount += change } else { valueCount += change }
    }

    /// Takes over what a transaction changed, after its commit.
    mutating func apply(_ changes: DerivedChanges) {
        for digest in changes.removed { summary.remove(digest) }
        for digest in changes.added { summary.add(digest) }
        valueCount += changes.valueCount
        tombstoneCount += changes.tombstoneCount
        if let exact = changes.exactNextPurge { nextPurge = exact }
        if let earliest = changes.earliestPurge { nextPurge = min(nextPurge ?? earliest, earliest) }
    }
}

/// What a transaction in progress will change of the derived state, if it commits.
struct DerivedChanges {
    private(set) var added: [Digest] = []
    private(set) var removed: [Digest] = []
    private(set) var valueCount = 0
    private(set) var tombstoneCount = 0
    private(set) var earliestPurge: WallTime?
    /// Set by a purge, which has seen all that expires; what is written after it counts in `earliestPurge`.
    private(set) var exactNextPurge: WallTime??

    @inline(__always)
    mutating func add(_ header: EntryHeader, _ digest: Digest) {
        added.append(digest)
        if header.kind == .tombstone { tombstoneCount += 1 } else { valueCount += 1 }
        if let purgeTime = header.purgeTime { earliestPurge = min(earliestPurge ?? purgeTime, purgeTime) }
    }

    @inline(__always)
    mutating func remove(_ stored: RecordHeader) {
        removed.append(stored.digest)
        if stored.kind == .tombstone { tombstoneCount -= 1 } else { valueCount -= 1 }
    }

    mutating func sawAllPurgeTimes(earliestLeft: WallTime?) {
        exactNextPurge = .some(earliestLeft)
        earliestPurge = nil
    }

    /// Forgets everything, keeping the memory.
    mutating func removeAll() {
        added.removeAll(keepingCapacity: true)
        removed.removeAll(keepingCapacity: true)
        valueCount = 0
        tombstoneCount = 0
        earliestPurge = nil
        exactNextPurge = nil
    }
}
