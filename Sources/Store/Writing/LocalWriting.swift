// Writes made on this host: stamped inside the transaction, so that a write always beats what it replaces.
import Replica

enum LocalWriting {
    /// Writes in order, after comparing all that the caller expects.
    static func run(
        _ writes: [LocalWrite], expecting: [Key: Version?], _ draft: inout WriteDraft, _ cursor: inout Cursor
    ) throws(StoreError) -> [WriteReceipt] {
        for (key, expected) in expecting {
            let stored = try unsafe draft.find(key.bytes.span.bytes, &cursor)
            let live = stored.flatMap { $0.isLive(at: draft.now) ? $0.version : nil }
            if live != expected { throw .conflict(key: key, found: live) }
        }
        var batch = EntryBatch()
        var replaced: [Version?] = []
        var receipts: [WriteReceipt] = []
        receipts.reserveCapacity(writes.count)
        for write in writes {
            let stored = try unsafe draft.find(write.key.bytes.span.bytes, &cursor)
            let entry = write.entry(draft.nextVersion(replacing: stored?.version.clock))
            let digest = try append(entry, to: &batch, replacing: stored, &draft, &cursor)
            replaced.append(stored?.version)
            receipts.append(
                WriteReceipt(
                    version: entry.version, digest: digest, hadValue: stored?.isLive(at: draft.now) ?? false,
                    replaced: stored?.version))
        }
        draft.note(.local, batch, replaced: replaced)
        return receipts
    }

    /// Puts an entry in place of a record, whatever their versions, and appends it to a batch.
    static func append(
        _ entry: Entry, to batch: inout EntryBatch, replacing stored: RecordHeader?, _ draft: inout WriteDraft,
        _ cursor: inout Cursor
    ) throws(StoreError) -> Digest {
        let header = entry.header
        let range = unsafe batch.append(header, key: entry.key.bytes.span.bytes, value: entry.value.span.bytes)
        let encoded = unsafe batch.bytes.span.bytes.extracting(range)
        let digest = Digest(ofEncoded: encoded)
        if let stored { unsafe draft.changes.remove(stored, key: entry.key.bytes.span.bytes) }
        _ = try draft.put(header, encoded: encoded, digest: digest, .anywhere, &cursor)
        return digest
    }
}
