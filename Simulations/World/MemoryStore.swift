// A map in memory, with the plainest answers to everything that is asked of a store.
package import Gossip
package import Replica

/// A map as an array of entry numbers, one place for each key of the world.
package final class MemoryStore: SimulatedStore {
    package var onChange: ((MapChange) -> Void)?
    package private(set) var nextPurge: WallTime?

    private let pool: EntryPool
    /// The entry of each key number, plus one; zero where there is none.
    private var slots: [EntryNumber] = []
    /// Those of audit entries among them, by key number.
    private var audit: [Int32: EntryNumber] = [:]
    private var current = MapSummary()
    private var tally = Tally()

    /// Count and fingerprint are kept up with every change; symbols only when somebody asks for them, because a busy
    /// map changes far more often than it is summed up.
    private struct Tally {
        var count = 0
        var fingerprint = Fingerprint()
        /// Digests added and removed since `current` was right, or nil where it has to be made anew.
        var added: [Digest] = []
        var removed: [Digest] = []
        var mustScan = false
    }

    /// Of the process that wrote here last; another one has another origin and counts anew.
    private var versions = VersionSource(origin: Origin(raw: 0))

    package init(pool: EntryPool) { self.pool = pool }

    /// A copy of the map as it is now.
    package func copy() -> MemoryStore {
        let copy = MemoryStore(pool: pool)
        copy.slots = slots
        copy.audit = audit
        copy.current = current
        copy.tally = tally
        copy.nextPurge = nextPurge
        return copy
    }

    package var count: Int { tally.count }
    package var fingerprint: Fingerprint { tally.fingerprint }

    package var withoutAudit: (count: Int, fingerprint: Fingerprint) {
        var rest = tally.fingerprint
        for number in audit.values { rest.remove(pool[number].digest) }
        return (tally.count - audit.count, rest)
    }

    package subscript(key: Key) -> Entry? {
        pool.keyNumber(of: key).flatMap { number(at: $0) }.map { pool.entry($0) }
    }

    /// Whether both maps hold the same entries.
    package func isSame(as other: MemoryStore) -> Bool {
        tally.count == other.tally.count && tally.fingerprint == other.tally.fingerprint
    }

    // MARK: Changes

    /// Puts an entry as it is, whatever it replaces.
    package func put(_ entry: Entry) { replace(with: pool.number(of: entry), .local) }

    package func write(_ writes: [LocalWrite], now: WallTime, origin: Origin) -> [Entry] {
        writes.map { write in
            let stored = pool.keyNumber(of: write.key).flatMap { number(at: $0) }
            let replaced = stored.map { pool[$0].version.clock }
            let entry = write.entry(nextVersion(now: now, origin: origin, replacing: replaced))
            replace(with: pool.number(of: entry), .local)
            return entry
        }
    }

    private func nextVersion(now: WallTime, origin: Origin, replacing replaced: Clock?) -> Version {
        if versions.origin != origin { versions = VersionSource(origin: origin) }
        return versions.next(now: now, replacing: replaced)
    }

    package func merge(_ batch: EntryBatch, now: WallTime, scope: WriteScope) -> Merged {
        let admission = Admission(now: now, scope: scope)
        var merged = Merged()
        var changedCount = 0
        batch.forEach { header, key, _, encoded in
            if let refusal = admission.refusal(header, key: key) {
                merged.refused.append(Self.refused(header, key: key, Digest(ofEncoded: encoded), refusal))
                return
            }
            let number = pool.number(ofEncoded: encoded, header: header)
            if let stored = self.number(at: pool[number].keyNumber) {
                let (old, new) = (pool[stored].precedence, pool[number].precedence)
                if old.version == new.version, old.digest != new.digest {
                    merged.sameVersionDifferentDigest.append(Key(checked: key.copy()))
                }
                guard old < new else { return }
            }
            replace(with: number, .link)
            changedCount += 1
            merged.changed.append(encoded: encoded)
        }
        if changedCount == batch.count { merged.changed = batch }
        return merged
    }

    private static func refused(
        _ header: EntryHeader, key: RawSpan, _ digest: Digest, _ refusal: Refusal
    ) -> RefusedEntry {
        let lapses: WallTime? =
            switch refusal {
            case .aheadOfTime:
                WallTime(
                    milliseconds: header.version.clock.time.milliseconds
                        - min(Admission.clockBoundMilliseconds, header.version.clock.time.milliseconds))
            case .expired: header.purgeTime(ofKey: key)?.advanced(byMilliseconds: KeyClass.tombstoneMarginMilliseconds)
            case .notAllowed, .invalid: nil
            }
        return RefusedEntry(key: key.copy(), digest: digest, refusal: refusal, lapses: lapses)
    }

    package func expire(now: WallTime) -> EntryBatch {
        var purged = EntryBatch()
        var earliest: WallTime?
        for (keyNumber, slot) in slots.enumerated() where slot != 0 {
            guard let purgeTime = pool[slot - 1].purgeTime else { continue }
            if purgeTime <= now {
                unsafe purged.append(encoded: pool[slot - 1].encoded.span.bytes)
                remove(Int32(keyNumber), .expiry)
            } else {
                earliest = min(earliest ?? purgeTime, purgeTime)
            }
        }
        nextPurge = earliest
        return purged
    }

    package func restampAhead(now: WallTime, origin: Origin) -> EntryBatch {
        let bound = Clock(now.advanced(byMilliseconds: Admission.clockBoundMilliseconds + 1))
        var batch = EntryBatch()
        for slot in slots where slot != 0 && pool[slot - 1].version.clock >= bound {
            let old = pool.entry(slot - 1)
            let change: LocalWrite.Change
            if old.isTombstone {
                change = .delete
            } else {
                let lease = old.expiry.map { UInt64(clamping: max($0.millisecondsSince(old.version.clock.time), 1)) }
                change = .put(old.value, leaseMilliseconds: lease)
            }
            let version = nextVersion(now: now, origin: origin, replacing: nil)
            let entry = LocalWrite(key: old.key, change: change).entry(version)
            replace(with: pool.number(of: entry), .restamp)
            batch.append(entry)
        }
        return batch
    }

    private func number(at keyNumber: Int32) -> EntryNumber? {
        guard keyNumber < slots.count, slots[Int(keyNumber)] != 0 else { return nil }
        return slots[Int(keyNumber)] - 1
    }

    private func replace(with number: EntryNumber, _ cause: ChangeCause) {
        let keyNumber = pool[number].keyNumber
        if keyNumber >= slots.count {
            slots += repeatElement(0, count: max(pool.keyCount, 16) - slots.count)
        }
        let old = slots[Int(keyNumber)]
        slots[Int(keyNumber)] = number + 1
        if old != 0 { account(removing: pool[old - 1].digest) }
        account(adding: pool[number].digest)
        if pool[number].isAudit { audit[keyNumber] = number }
        if let purgeTime = pool[number].purgeTime { nextPurge = min(nextPurge ?? purgeTime, purgeTime) }
        onChange?(MapChange(cause: cause, keyNumber: keyNumber, old: old == 0 ? nil : old - 1, new: number))
    }

    private func remove(_ keyNumber: Int32, _ cause: ChangeCause) {
        let old = slots[Int(keyNumber)]
        guard old != 0 else { return }
        slots[Int(keyNumber)] = 0
        audit[keyNumber] = nil
        account(removing: pool[old - 1].digest)
        onChange?(MapChange(cause: cause, keyNumber: keyNumber, old: old - 1, new: nil))
    }

    // MARK: Summaries

    private func account(adding digest: Digest) {
        tally.count += 1
        tally.fingerprint.add(digest)
        if !tally.mustScan { tally.added.append(digest) }
        forgetIfCheaper()
    }

    private func account(removing digest: Digest) {
        tally.count -= 1
        tally.fingerprint.remove(digest)
        if !tally.mustScan { tally.removed.append(digest) }
    }

    /// Where more has changed than there is, a scan costs less than catching up.
    private func forgetIfCheaper() {
        guard tally.added.count > 64, tally.added.count > tally.count else { return }
        tally.added = []
        tally.removed = []
        tally.mustScan = true
    }

    package var summary: MapSummary {
        if tally.mustScan { current = scanned(symbolCount: Sketch.keptSymbolCount) }
        for digest in tally.removed { current.remove(digest) }
        for digest in tally.added { current.add(digest) }
        tally.added.removeAll(keepingCapacity: true)
        tally.removed.removeAll(keepingCapacity: true)
        tally.mustScan = false
        return current
    }

    private func scanned(symbolCount: Int) -> MapSummary {
        var summary = MapSummary(symbolCount: symbolCount)
        for slot in slots where slot != 0 { summary.add(pool[slot - 1].digest) }
        return summary
    }

    package func summary(of extent: Extent) -> MapSummary { part(extent, of: summary) }

    package func sketch(symbolCount: Int, of extent: Extent) -> MapSummary {
        part(extent, of: scanned(symbolCount: symbolCount))
    }

    private func part(_ extent: Extent, of whole: MapSummary) -> MapSummary {
        let rest = extent.withAudit ? whole : whole.removing(audit.values.map { pool[$0].digest })
        return rest.removing(digests(of: extent.leavingOut))
    }

    private func digests(of keys: [Key]) -> [Digest] {
        keys.compactMap { pool.keyNumber(of: $0).flatMap { number(at: $0) }.map { pool[$0].digest } }
    }

    // MARK: Reading

    package func resolve(_ itemIDs: [UInt64]) -> [Key] {
        let wanted = Set(itemIDs)
        return slots.filter { $0 != 0 && wanted.contains(pool[$0 - 1].digest.itemID) }
            .map { pool.key(pool[$0 - 1].keyNumber) }.sorted()
    }

    package func read(_ keys: [Key], byteCountMax: Int) -> (batch: EntryBatch, keyCount: Int) {
        var batch = EntryBatch()
        for (position, key) in keys.enumerated() {
            guard let number = pool.keyNumber(of: key).flatMap({ number(at: $0) }) else { continue }
            let encoded = pool[number].encoded
            if !batch.isEmpty, batch.byteCount + encoded.count > byteCountMax { return (batch, position) }
            unsafe batch.append(encoded: encoded.span.bytes)
        }
        return (batch, keys.count)
    }

    package func chunk(after: [UInt8], byteCountMax: Int) -> MapChunk {
        let order = pool.orderedKeyNumbers()
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if after.lexicographicallyPrecedes(pool.key(order[middle]).bytes) {
                high = middle
            } else {
                low = middle + 1
            }
        }
        var batch = EntryBatch()
        var last: [UInt8] = []
        for keyNumber in order[low...] {
            guard let number = number(at: keyNumber) else { continue }
            let encoded = pool[number].encoded
            if !batch.isEmpty, batch.byteCount + encoded.count > byteCountMax {
                return MapChunk(batch: batch, last: last, isEnd: false)
            }
            unsafe batch.append(encoded: encoded.span.bytes)
            last = pool.key(keyNumber).bytes
        }
        return MapChunk(batch: batch, last: [], isEnd: true)
    }

    package func forEach(_ body: (EntryNumber) -> Void) {
        for keyNumber in pool.orderedKeyNumbers() { if let number = number(at: keyNumber) { body(number) } }
    }
}
