// Passes over the map that the store makes of itself: purging what has expired, stamping anew what is ahead of time,
// throwing away what is damaged.
import Replica

enum Upkeep {
    /// Deletes entries whose time has come, up to a number of bytes. Only leases expire, so only they are visited; and of
    /// audit entries and all the others only those of which some may be due.
    static func expire(
        due: PurgeTimes, byteCountMax: Int, _ draft: inout WriteDraft, _ cursor: inout Cursor
    ) throws(StoreError) -> PassProgress {
        var progress = PassProgress()
        var purged = EntryBatch()
        var versions: [Version?] = []
        var earliestLeft = PurgeTimes()
        for keyClass in KeyClass.allCases
        where keyClass.isLease && due.isDue(isAudit: keyClass == .audit, at: draft.now) {
            let prefix = Array((keyClass.prefix + "/").utf8)
            var isAtRecord = try unsafe cursor.move(atOrAfter: prefix.span.bytes)
            while isAtRecord {
                let (isInside, expired) = try visit(&cursor, prefix, now: draft.now, &earliestLeft, &purged)
                guard isInside else { break }
                if let expired {
                    try cursor.delete()
                    // The prefix tells the class as well as the key, which is gone.
                    unsafe draft.changes.remove(expired, key: prefix.span.bytes)
                    versions.append(expired.version)
                    progress.count += 1
                    if purged.byteCount >= byteCountMax {
                        progress.last = prefix
                        draft.note(.expiry, purged, replaced: versions)
                        return progress
                    }
                }
                isAtRecord = try cursor.moveToNext()
            }
        }
        for isAudit in [false, true] where due.isDue(isAudit: isAudit, at: draft.now) {
            draft.changes.sawAllPurgeTimes(isAudit: isAudit, earliestLeft: earliestLeft[isAudit: isAudit])
        }
        draft.note(.expiry, purged, replaced: versions)
        return progress
    }

    /// Looks at the record under the cursor: whether it has the prefix, and its header where it is to be purged.
    private static func visit(
        _ cursor: inout Cursor, _ prefix: [UInt8], now: WallTime, _ earliestLeft: inout PurgeTimes,
        _ purged: inout EntryBatch
    ) throws(StoreError) -> (isInside: Bool, expired: RecordHeader?) {
        try cursor.withRecord { key, record throws(StoreError) in
            guard key.starts(with: prefix) else { return (false, nil) }
            guard let stored = RecordHeader(record), let purgeTime = stored.purgeTime(ofKey: key) else {
                return (true, nil)
            }
            guard purgeTime <= now else {
                earliestLeft.note(purgeTime, isAudit: KeyClass.isAudit(key))
                return (true, nil)
            }
            let header = stored.entryHeader(keyByteCount: key.byteCount, recordByteCount: record.byteCount)
            purged.append(header, key: key, value: record.extracting(RecordHeader.valueRange(record)))
            return (true, stored)
        }
    }

    /// Gives entries stamped further ahead of now than the clock bound a version of here and now, up to a number of
    /// bytes; the new version replaces them although it is lower.
    static func restamp(
        after: [UInt8]?, byteCountMax: Int, _ draft: inout WriteDraft, _ cursor: inout Cursor
    ) throws(StoreError) -> PassProgress {
        var progress = PassProgress()
        var batch = EntryBatch()
        var versions: [Version?] = []
        let bound = Clock(draft.now.advanced(byMilliseconds: Admission.clockBoundMilliseconds + 1))
        let start = after ?? []
        var isAtRecord = try unsafe cursor.move(atOrAfter: start.span.bytes)
        while isAtRecord {
            let ahead = try cursor.withRecord { key, record throws(StoreError) -> (RecordHeader, Entry)? in
                guard let stored = RecordHeader(record), stored.version.clock >= bound else { return nil }
                return (stored, restamped(stored, key: key, record: record, draft.nextVersion()))
            }
            if let (stored, entry) = ahead {
                _ = try LocalWriting.append(entry, to: &batch, replacing: stored, &draft, &cursor)
                versions.append(stored.version)
                progress.count += 1
                if batch.byteCount >= byteCountMax {
                    progress.last = entry.key.bytes
                    break
                }
            }
            isAtRecord = try cursor.moveToNext()
        }
        draft.note(.restamp, batch, replaced: versions)
        return progress
    }

    /// The same entry as if written here and now; a lease keeps its length.
    private static func restamped(
        _ stored: RecordHeader, key: RawSpan, record: RawSpan, _ version: Version
    ) -> Entry {
        let key = Key(checked: key.copy())
        if stored.kind == .tombstone {
            return LocalWrite(key: key, change: .delete).entry(version)
        }
        let lease = stored.expiry.map { UInt64(clamping: max($0.millisecondsSince(stored.version.clock.time), 1)) }
        let value = record.extracting(RecordHeader.valueRange(record)).copy()
        let change = LocalWrite.Change.put(value, leaseMilliseconds: lease)
        return LocalWrite(key: key, change: change).entry(version)
    }

    /// Deletes those of some entries that are not what was stored, so that reconciliation brings them back.
    static func discardDamaged(
        _ keys: [Key], _ draft: inout WriteDraft, _ cursor: inout Cursor
    ) throws(StoreError) -> Int {
        var count = 0
        var batch = EntryBatch()
        for key in keys {
            guard try unsafe cursor.move(to: key.bytes.span.bytes) else { continue }
            let damaged = try cursor.withRecord { key, record throws(StoreError) -> RecordHeader? in
                batch.removeAll(keepingCapacity: true)
                return batch.appendVerified(key: key, record: record) ? nil : RecordHeader(record)
            }
            guard let damaged else { continue }
            try cursor.delete()
            unsafe draft.changes.remove(damaged, key: key.bytes.span.bytes)
            count += 1
        }
        return count
    }
}
