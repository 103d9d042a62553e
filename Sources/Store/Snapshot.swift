// A reader's view of the map at one committed state.
package import Replica

/// The map as it was when the read began. It lives as long as the closure that it is lent to.
///
/// Keep it short: while it lives, the file cannot reuse the space of what was overwritten since.
package struct Snapshot: ~Copyable {
    private let transaction: ReadTransaction
    /// The wall clock by which expired entries are left out.
    package let now: WallTime

    init(_ transaction: consuming ReadTransaction, now: WallTime) {
        self.transaction = transaction
        self.now = now
    }

    /// The number of entries, tombstones and expired ones included.
    package var count: Int {
        get throws(StoreError) { try transaction.recordCount(.entries) }
    }

    /// The entry of a key; nil where there is none, and unless `includingDead` where it was deleted or has expired.
    package func get(_ key: Key, includingDead: Bool = false) throws(StoreError) -> Entry? {
        let entry = try unsafe transaction.withValue(.entries, key.bytes.span.bytes) { record throws(StoreError) in
            guard let stored = RecordHeader(record) else { throw Self.cutOff(key, transaction.core) }
            guard includingDead || stored.isLive(at: now) else { return nil as Entry? }
            return Entry(
                key: key, kind: stored.kind, version: stored.version, expiry: stored.expiry,
                value: record.extracting(RecordHeader.valueRange(record)).copy())
        }
        return entry ?? nil
    }

    /// Calls the closure with each entry whose key has a prefix and comes after a key, in key order, until it returns
    /// false. Entries that were deleted or have expired are left out unless `includingDead`.
    package func forEach(
        prefix: [UInt8] = [], after: Key? = nil, includingDead: Bool = false,
        _ body: (EntryHeader, Digest, _ key: RawSpan, _ value: RawSpan) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try forEachRecord(prefix: prefix, after: after) { key, record throws(StoreError) in
            guard let stored = RecordHeader(record) else {
                throw Self.cutOff(Key(checked: key.copy()), transaction.core)
            }
            guard includingDead || stored.isLive(at: now) else { return true }
            let header = stored.entryHeader(keyByteCount: key.byteCount, recordByteCount: record.byteCount)
            return try body(header, stored.digest, key, record.extracting(RecordHeader.valueRange(record)))
        }
    }

    /// The same with the records as they are stored.
    @inline(__always)
    func forEachRecord(
        prefix: [UInt8] = [], after: Key? = nil,
        _ body: (_ key: RawSpan, _ record: RawSpan) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try transaction.forEach(.entries, prefix: prefix, after: after?.bytes, body)
    }

    /// Calls the closure with the record of a key, and returns nil without calling it where there is none.
    func withRecord<Result>(
        of key: Key, _ body: (RawSpan) throws(StoreError) -> Result
    ) throws(StoreError) -> Result? {
        try unsafe transaction.withValue(.entries, key.bytes.span.bytes, body)
    }

    private static func cutOff(_ key: Key, _ core: TransactionCore) -> StoreError {
        .damaged(path: core.path, reason: "the record of key \"\(key)\" is cut off")
    }
}

extension Transaction where Self: ~Copyable {
    /// Calls the closure with each record whose key has a prefix and comes after a key, in key order, until it returns
    /// false.
    func forEach(
        _ table: Table, prefix: [UInt8], after: [UInt8]?,
        _ body: (_ key: RawSpan, _ value: RawSpan) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try withCursor(table) { cursor throws(StoreError) in
            let start = after.map { $0.lexicographicallyPrecedes(prefix) ? prefix : $0 } ?? prefix
            var isAtRecord = try unsafe cursor.move(atOrAfter: start.span.bytes)
            if isAtRecord, let after {
                let isAtAfter = try cursor.withRecord { key, _ in key.equals(after) }
                if isAtAfter { isAtRecord = try cursor.moveToNext() }
            }
            while isAtRecord {
                let goesOn = try cursor.withRecord { key, value throws(StoreError) in
                    guard key.starts(with: prefix) else { return false }
                    return try body(key, value)
                }
                guard goesOn else { return }
                isAtRecord = try cursor.moveToNext()
            }
        }
    }
}

extension RawSpan {
    @inline(__always)
    func starts(with prefix: [UInt8]) -> Bool {
        guard byteCount >= prefix.count else { return false }
        for offset in 0..<prefix.count where byte(at: offset) != prefix[offset] { return false }
        return true
    }

    func equals(_ bytes: [UInt8]) -> Bool { byteCount == bytes.count && starts(with: bytes) }
}
