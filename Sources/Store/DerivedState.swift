// What follows from the map's entries and is kept in memory: rebuilt by one scan at open, kept up with each commit.
import Replica

/// What the store knows of its whole map.
struct DerivedState {
    var summary = MapSummary()
    /// Of the audit entries among them, which do not go over every link.
    var audit = MapSummary()
    /// Entries that have a value, expired ones that are not yet purged included.
    var valueCount = 0
    var tombstoneCount = 0
    var nextPurge = PurgeTimes()

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
                    add(stored, key: key)
                }
                isAtRecord = try cursor.moveToNext()
            }
        }
    }

    @inline(__always)
    private mutating func add(_ stored: RecordHeader, key: RawSpan) {
        summary.add(stored.digest)
        let isAudit = KeyClass.isAudit(key)
        if isAudit { audit.add(stored.digest) }
        count(stored.kind, 1)
        if let purgeTime = stored.purgeTime(ofKey: key) { nextPurge.note(purgeTime, isAudit: isAudit) }
    }

    private mutating func count(_ kind: EntryKind, _ change: Int) {
        if kind == .tombstone { tombstoneCount += change } else { valueCount += change }
    }

    /// Takes over what a transaction changed, after its commit.
    mutating func apply(_ changes: DerivedChanges) {
        for digest in changes.removed { summary.remove(digest) }
        for digest in changes.added { summary.add(digest) }
        for digest in changes.removedAudit { audit.remove(digest) }
        for digest in changes.addedAudit { audit.add(digest) }
        valueCount += changes.valueCount
        tombstoneCount += changes.tombstoneCount
        takePurgeTimes(of: changes, isAudit: false)
        takePurgeTimes(of: changes, isAudit: true)
    }

    private mutating func takePurgeTimes(of changes: DerivedChanges, isAudit: Bool) {
        if let exact = isAudit ? changes.exactAuditPurge : changes.exactLeasePurge {
            nextPurge[isAudit: isAudit] = exact
        }
        if let earliest = changes.earliestPurge[isAudit: isAudit] { nextPurge.note(earliest, isAudit: isAudit) }
    }
}

/// What a transaction in progress will change of the derived state, if it commits.
struct DerivedChanges {
    private(set) var added: [Digest] = []
    private(set) var removed: [Digest] = []
    /// Those of audit entries among them.
    private(set) var addedAudit: [Digest] = []
    private(set) var removedAudit: [Digest] = []
    private(set) var valueCount = 0
    private(set) var tombstoneCount = 0
    private(set) var earliestPurge = PurgeTimes()
    /// Set by a purge, which has seen all leases, or all audit entries; what is written after it counts in
    /// `earliestPurge`.
    private(set) var exactLeasePurge: WallTime??
    private(set) var exactAuditPurge: WallTime??

    @inline(__always)
    mutating func add(_ header: EntryHeader, key: RawSpan, _ digest: Digest) {
        added.append(digest)
        let isAudit = KeyClass.isAudit(key)
        if isAudit { addedAudit.append(digest) }
        if header.kind == .tombstone { tombstoneCount += 1 } else { valueCount += 1 }
        if let purgeTime = header.purgeTime(ofKey: key) { earliestPurge.note(purgeTime, isAudit: isAudit) }
    }

    @inline(__always)
    mutating func remove(_ stored: RecordHeader, key: RawSpan) {
        removed.append(stored.digest)
        if KeyClass.isAudit(key) { removedAudit.append(stored.digest) }
        if stored.kind == .tombstone { tombstoneCount -= 1 } else { valueCount -= 1 }
    }

    mutating func sawAllPurgeTimes(isAudit: Bool, earliestLeft: WallTime?) {
        if isAudit { exactAuditPurge = .some(earliestLeft) } else { exactLeasePurge = .some(earliestLeft) }
        earliestPurge[isAudit: isAudit] = nil
    }

    /// Forgets everything, keeping the memory.
    mutating func removeAll() {
        added.removeAll(keepingCapacity: true)
        removed.removeAll(keepingCapacity: true)
        addedAudit.removeAll(keepingCapacity: true)
        removedAudit.removeAll(keepingCapacity: true)
        valueCount = 0
        tombstoneCount = 0
        earliestPurge = PurgeTimes()
        exactLeasePurge = nil
        exactAuditPurge = nil
    }
}
