// Merges a received batch into the map: the hot path of a first synchronisation.
//
// No allocation for each entry: keys and values are spans of the batch, records are filled in place in the map.
import Replica

/// One batch on its way into the map.
struct Merging: ~Copyable {
    private let admission: Admission
    private var outcome = MergeOutcome()
    private var replaced: [Version?] = []
    /// Whether every entry so far was past the table's last key.
    private var isAppending = true
    /// The entries that changed the map, once there is one that did not; before that, all so far did.
    private var kept: EntryBatch?
    private var seenCount = 0

    private init(_ batch: ReceivedBatch, now: WallTime) {
        admission = Admission(now: now, scope: batch.scope)
        replaced.reserveCapacity(batch.entries.count)
    }

    /// Merges a batch and notes what it changed.
    static func run(
        _ batch: ReceivedBatch, _ draft: inout WriteDraft, _ cursor: inout Cursor
    ) throws(StoreError) -> MergeOutcome {
        var merging = Merging(batch, now: draft.now)
        try batch.entries.forEach { header, key, _, encoded throws(StoreError) in
            let digest = Digest(ofEncoded: encoded)
            if let refusal = merging.admission.refusal(header, key: key) {
                merging.refuse(header, key: key, digest, refusal)
                merging.leaveOut(batch.entries)
            } else if try merging.take(header, key: key, encoded: encoded, digest: digest, &draft, &cursor) {
                merging.outcome.changedCount += 1
                merging.kept?.append(encoded: encoded)
            } else {
                merging.leaveOut(batch.entries)
            }
            merging.seenCount += 1
        }
        draft.note(.link(batch.source), merging.kept ?? batch.entries, replaced: merging.replaced)
        return merging.outcome
    }

    /// Puts an entry if it beats what is stored.
    @inline(__always)
    private mutating func take(
        _ header: EntryHeader, key: RawSpan, encoded: RawSpan, digest: Digest, _ draft: inout WriteDraft,
        _ cursor: inout Cursor
    ) throws(StoreError) -> Bool {
        if isAppending {
            if try draft.put(header, encoded: encoded, digest: digest, .last, &cursor) {
                replaced.append(nil)
                return true
            }
            isAppending = false
        }
        // Most entries received are new to the map: one descent of the tree then does.
        if try draft.put(header, encoded: encoded, digest: digest, .new, &cursor) {
            replaced.append(nil)
            return true
        }
        let stored = try draft.find(key, &cursor)
        if let stored {
            if stored.version == header.version, stored.digest != digest {
                outcome.sameVersionDifferentDigest.append(Key(checked: key.copy()))
            }
            guard stored.precedence < Precedence(version: header.version, digest: digest) else { return false }
            draft.changes.remove(stored, key: key)
        }
        _ = try draft.put(header, encoded: encoded, digest: digest, .anywhere, &cursor)
        replaced.append(stored?.version)
        return true
    }

    private mutating func refuse(_ header: EntryHeader, key: RawSpan, _ digest: Digest, _ refusal: Refusal) {
        let lapses: WallTime? =
            switch refusal {
            case .aheadOfTime: Self.moment(header.version.clock.time, before: Admission.clockBoundMilliseconds)
            case .expired: header.purgeTime(ofKey: key)?.advanced(byMilliseconds: KeyClass.tombstoneMarginMilliseconds)
            case .notAllowed, .invalid: nil
            }
        outcome.refused.append(
            MergeOutcome.Refused(key: key.copy(), digest: digest, refusal: refusal, lapses: lapses))
    }

    private static func moment(_ time: WallTime, before milliseconds: UInt64) -> WallTime {
        WallTime(milliseconds: time.milliseconds - min(milliseconds, time.milliseconds))
    }

    /// From the first entry on that is left out, those that changed the map are copied; until then the batch itself
    /// serves.
    private mutating func leaveOut(_ batch: EntryBatch) {
        if kept != nil { return }
        var copy = EntryBatch()
        var remaining = seenCount
        if remaining > 0 {
            batch.forEach { _, _, _, encoded in
                if remaining > 0 { copy.append(encoded: encoded) }
                remaining -= 1
            }
        }
        kept = copy
    }
}
