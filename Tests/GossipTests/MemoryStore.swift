// A map in memory with the simplest possible answers to everything that the engine asks of a store.
import Gossip
import Replica

struct MemoryStore {
    struct Stored {
        let entry: Entry
        let digest: Digest
    }

    struct Merged {
        var changed = EntryBatch()
        var refused: [RefusedEntry] = []
    }

    private(set) var entries: [Key: Stored] = [:]
    private(set) var summary = MapSummary()
    private var orderedKeys: [Key]?

    subscript(key: Key) -> Entry? { entries[key]?.entry }

    var count: Int { entries.count }

    /// Every entry in key order, encoded: equal maps give equal bytes.
    mutating func encoded() -> [UInt8] {
        EntryBatch(keys().compactMap { entries[$0]?.entry }).bytes
    }

    /// Whether both maps hold entries with the same digests; much faster than `encoded` for large maps.
    func isSame(as other: MemoryStore) -> Bool {
        count == other.count && entries.allSatisfy { other.entries[$0.key]?.digest == $0.value.digest }
    }

    mutating func put(_ entry: Entry) {
        let digest = entry.digest
        if let old = entries.updateValue(Stored(entry: entry, digest: digest), forKey: entry.key) {
            summary.remove(old.digest)
        } else {
            orderedKeys = nil
        }
        summary.add(digest)
    }

    mutating func remove(_ key: Key) -> Entry? {
        guard let old = entries.removeValue(forKey: key) else { return nil }
        orderedKeys = nil
        summary.remove(old.digest)
        return old.entry
    }

    mutating func merge(_ batch: EntryBatch, now: WallTime, scope: WriteScope) -> Merged {
        let admission = Admission(now: now, scope: scope)
        var merged = Merged()
        var refusals: [Refusal?] = []
        batch.forEach { header, key, _, _ in refusals.append(admission.refusal(header, key: key)) }
        for (entry, refusal) in zip(batch.entries, refusals) {
            if let refusal {
                merged.refused.append(Self.refused(entry, refusal))
            } else if entries[entry.key].map({ precedence(of: $0) < entry.precedence }) ?? true {
                put(entry)
                merged.changed.append(entry)
            }
        }
        return merged
    }

    private func precedence(of stored: Stored) -> Precedence {
        Precedence(version: stored.entry.version, digest: stored.digest)
    }

    private static func refused(_ entry: Entry, _ refusal: Refusal) -> RefusedEntry {
        let lapses: WallTime? =
            switch refusal {
            case .aheadOfTime:
                WallTime(milliseconds: entry.version.clock.time.milliseconds - Admission.clockBoundMilliseconds)
            case .expired: entry.expiry?.advanced(byMilliseconds: KeyClass.tombstoneMarginMilliseconds)
            case .notAllowed, .invalid: nil
            }
        return RefusedEntry(key: entry.key.bytes, digest: entry.digest, refusal: refusal, lapses: lapses)
    }

    func summary(leavingOut keys: [Key]) -> MapSummary {
        summary.removing(keys.compactMap { entries[$0]?.digest })
    }

    func sketch(symbolCount: Int, leavingOut keys: [Key]) -> MapSummary {
        var summary = MapSummary(symbolCount: symbolCount)
        for stored in entries.values { summary.add(stored.digest) }
        return summary.removing(keys.compactMap { entries[$0]?.digest })
    }

    func resolve(_ itemIDs: [UInt64]) -> [Key] {
        let wanted = Set(itemIDs)
        return entries.filter { wanted.contains($0.value.digest.itemID) }.map(\.key).sorted()
    }

    func read(_ keys: [Key], byteCountMax: Int) -> (batch: EntryBatch, keyCount: Int) {
        var batch = EntryBatch()
        for (position, key) in keys.enumerated() {
            guard let entry = entries[key]?.entry else { continue }
            if !batch.isEmpty, batch.byteCount + entry.header.encodedByteCount > byteCountMax {
                return (batch, position)
            }
            batch.append(entry)
        }
        return (batch, keys.count)
    }

    mutating func chunk(after: [UInt8], byteCountMax: Int) -> (batch: EntryBatch, last: [UInt8], isEnd: Bool) {
        let keys = keys()
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if after.lexicographicallyPrecedes(keys[middle].bytes) { high = middle } else { low = middle + 1 }
        }
        var batch = EntryBatch()
        for position in low..<keys.count {
            guard let entry = entries[keys[position]]?.entry else { continue }
            if !batch.isEmpty, batch.byteCount + entry.header.encodedByteCount > byteCountMax {
                return (batch, keys[position - 1].bytes, false)
            }
            batch.append(entry)
        }
        return (batch, [], true)
    }

    private mutating func keys() -> [Key] {
        if let orderedKeys { return orderedKeys }
        let keys = entries.keys.sorted()
        orderedKeys = keys
        return keys
    }

    func expired(at now: WallTime) -> [Key] {
        entries.values.filter { $0.entry.isExpired(at: now) }.map(\.entry.key).sorted()
    }
}
