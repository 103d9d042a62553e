// A write transaction in progress: the cursor on the map, and what it will change of the derived state.
import Replica

/// Puts entries and keeps account of it.
struct WriteDraft: ~Copyable {
    let now: WallTime
    private(set) var versions: VersionSource
    var changes: DerivedChanges
    var groups: [ChangeGroup] = []

    init(now: WallTime, versions: VersionSource, changes: consuming DerivedChanges) {
        self.now = now
        self.versions = versions
        self.changes = changes
    }

    /// The version of a write of this host; the transaction must commit for it to be used up.
    mutating func nextVersion(replacing replaced: Clock? = nil) -> Version {
        versions.next(now: now, replacing: replaced)
    }

    /// The record of a key, or nil; the cursor is at it then.
    @inline(__always)
    func find(_ key: RawSpan, _ cursor: inout Cursor) throws(StoreError) -> RecordHeader? {
        guard try cursor.move(to: key) else { return nil }
        return try cursor.withRecord { key, record throws(StoreError) in
            guard let stored = RecordHeader(record) else {
                let name = Key(checked: key.copy())
                throw .damaged(path: cursor.path, reason: "the record of key \"\(name)\" is cut off")
            }
            return stored
        }
    }

    /// Puts an encoded entry. False, and nothing is changed, where the placement does not allow it.
    @inline(__always)
    mutating func put(
        _ header: EntryHeader, encoded: RawSpan, digest: Digest, _ placement: Cursor.Placement, _ cursor: inout Cursor
    ) throws(StoreError) -> Bool {
        let valueStart = EntryHeader.byteCount + header.keyByteCount
        let key = encoded.extracting(EntryHeader.byteCount..<valueStart)
        let value = encoded.extracting(valueStart..<header.encodedByteCount)
        let byteCount = RecordHeader.byteCount + header.valueByteCount
        let isPut = try cursor.put(key, byteCount: byteCount, placement) { record in
            RecordHeader.fill(&record, encoded: encoded, kind: header.kind, digest: digest, value: value)
        }
        if isPut { changes.add(header, key: key, digest) }
        return isPut
    }

    /// Notes what a request changed, for the feeds.
    mutating func note(_ source: ChangeSource, _ entries: EntryBatch, replaced: [Version?]) {
        if !entries.isEmpty { groups.append(ChangeGroup(source: source, entries: entries, replaced: replaced)) }
    }
}
