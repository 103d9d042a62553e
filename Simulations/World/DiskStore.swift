// A map in the real store, for runs that are about disks: what is answered is on the disk, whatever happens next.
import Dispatch
package import Gossip
package import Replica
package import Store

/// The real store, asked from the one thread of a simulation, which waits for every answer.
package final class DiskStore: SimulatedStore {
    package var onChange: ((MapChange) -> Void)?
    /// The store's directory.
    package let directory: String

    private let pool: EntryPool
    private let clock: DiskClock
    private var store: Store?
    /// The map as the last change left it, by key number; what changes is told by comparing with it.
    private let mirror: MemoryStore

    /// The wall clock that the real store reads, set before every call.
    private final class DiskClock: @unchecked Sendable {
        // Set and read by one thread at a time: the simulation waits while the store works.
        var now = startOfTime
    }

    /// Opens the store in a directory, which is made where there is none.
    ///
    /// - Parameter mapByteCount: Address space, and so the most that the file may grow to.
    package init(directory: String, mapByteCount: Int, pool: EntryPool, origin: Origin) throws(StoreError) {
        self.directory = directory
        self.pool = pool
        clock = DiskClock()
        mirror = MemoryStore(pool: pool)
        var options = StoreOptions()
        options.mapByteCount = mapByteCount
        options.readerThreadCount = 1
        store = try Store.open(directory: directory, options: options, origin: origin) { [clock] in clock.now }
        try readAll()
    }

    /// Ends the process that has the store open, as far as the store can tell: nothing is flushed that was not before.
    package func close() {
        store?.close()
        store = nil
    }

    private func opened() throws(StoreError) -> Store {
        guard let store else { throw .closed }
        return store
    }

    /// Fills the mirror with what is on the disk, telling nobody.
    private func readAll() throws(StoreError) {
        let store = try opened()
        var entries: [Entry] = []
        try store.read { snapshot throws(StoreError) in
            try snapshot.forEach(includingDead: true) { header, _, key, value throws(StoreError) in
                entries.append(
                    Entry(
                        key: Key(checked: key.copy()), kind: header.kind, version: header.version,
                        expiry: header.expiry, value: value.copy()))
                return true
            }
        }
        for entry in entries { mirror.put(entry) }
    }

    package var count: Int { mirror.count }
    package var fingerprint: Fingerprint { mirror.fingerprint }
    package var withoutAudit: (count: Int, fingerprint: Fingerprint) { mirror.withoutAudit }
    package var summary: MapSummary { store?.summary ?? mirror.summary }
    package var nextPurge: WallTime? { store?.nextPurge }
    package subscript(key: Key) -> Entry? { mirror[key] }
    package func forEach(_ body: (EntryNumber) -> Void) { mirror.forEach(body) }

    /// Whether the store's own account of its map is what its changes add up to.
    package var isConsistent: Bool {
        guard let store else { return true }
        let (whole, rest, expected) = (store.summary, store.summaryWithoutAudit, mirror.withoutAudit)
        return whole.count == mirror.count && whole.fingerprint == mirror.fingerprint
            && rest.count == expected.count && rest.fingerprint == expected.fingerprint
    }

    // MARK: Changes

    package func write(_ writes: [LocalWrite], now: WallTime, origin: Origin) throws -> [Entry] {
        clock.now = now
        let store = try opened()
        let receipts = try Self.wait { () async throws(StoreError) in try await store.write(writes) }
        let entries = zip(writes, receipts).map { write, receipt in
            write.entry(receipt.version)
        }
        for entry in entries { take(entry, .local) }
        return entries
    }

    package func merge(_ batch: EntryBatch, now: WallTime, scope: WriteScope) throws -> Merged {
        clock.now = now
        let store = try opened()
        let outcome = try Self.wait { () async throws(StoreError) in
            try await store.merge(batch, scope: scope, source: 1)
        }
        var merged = Merged()
        merged.refused = outcome.refused.map {
            RefusedEntry(key: $0.key, digest: $0.digest, refusal: $0.refusal, lapses: $0.lapses)
        }
        merged.sameVersionDifferentDigest = outcome.sameVersionDifferentDigest
        let refused = Set(outcome.refused.map(\.digest))
        for entry in batch.entries where !refused.contains(entry.digest) {
            if let stored = mirror[entry.key], stored.precedence >= entry.precedence { continue }
            take(entry, .link)
            merged.changed.append(entry)
        }
        return merged
    }

    package func expire(now: WallTime) throws -> EntryBatch {
        clock.now = now
        let store = try opened()
        _ = try Self.wait { () async throws(StoreError) in try await store.expire() }
        mirror.onChange = onChange
        defer { mirror.onChange = nil }
        return mirror.expire(now: now)
    }

    package func restampAhead(now: WallTime, origin: Origin) throws -> EntryBatch {
        clock.now = now
        let store = try opened()
        let count = try Self.wait { () async throws(StoreError) in try await store.restampAhead() }
        guard count > 0 else { return EntryBatch() }
        let bound = now.advanced(byMilliseconds: Admission.clockBoundMilliseconds)
        var ahead: [Key] = []
        mirror.forEach { number in
            if pool[number].version.clock.time > bound { ahead.append(pool.entry(number).key) }
        }
        let batch = try read(ahead, byteCountMax: .max).batch
        for entry in batch.entries { take(entry, .restamp) }
        return batch
    }

    private func take(_ entry: Entry, _ cause: ChangeCause) {
        let number = pool.number(of: entry)
        let keyNumber = pool[number].keyNumber
        let old = mirror[entry.key].map { pool.number(of: $0) }
        mirror.put(entry)
        onChange?(MapChange(cause: cause, keyNumber: keyNumber, old: old, new: number))
    }

    // MARK: Reading

    package func summary(of extent: Extent) throws -> MapSummary {
        let store = try opened()
        let digests = try store.digests(ofKeys: extent.leavingOut)
        return (extent.withAudit ? store.summary : store.summaryWithoutAudit).removing(digests)
    }

    package func sketch(symbolCount: Int, of extent: Extent) throws -> MapSummary {
        let store = try opened()
        let digests = try store.digests(ofKeys: extent.leavingOut)
        let summary = try Self.wait { () async throws(StoreError) in
            try await store.sketch(symbolCount: symbolCount, withAudit: extent.withAudit)
        }
        return summary.prefix(symbolCount: symbolCount).removing(digests)
    }

    package func resolve(_ itemIDs: [UInt64]) throws -> [Key] {
        let store = try opened()
        return try Self.wait { () async throws(StoreError) in try await store.keys(ofItemIDs: Set(itemIDs)) }
    }

    package func read(_ keys: [Key], byteCountMax: Int) throws -> (batch: EntryBatch, keyCount: Int) {
        let (batch, keyCount, damaged) = try opened().entries(forKeys: keys, byteCountMax: byteCountMax)
        if !damaged.isEmpty { throw StoreError.damaged(path: directory, reason: "\(damaged[0]) is damaged") }
        return (batch, keyCount)
    }

    package func chunk(after: [UInt8], byteCountMax: Int) throws -> MapChunk {
        let store = try opened()
        let key = after.isEmpty ? nil : Key(checked: after)
        let chunk = try Self.wait { () async throws(StoreError) in
            try await store.chunk(after: key, byteCountMax: byteCountMax)
        }
        return MapChunk(
            batch: chunk.entries, last: chunk.isEnd ? [] : chunk.last?.bytes ?? [], isEnd: chunk.isEnd)
    }

    /// Waits for the store's threads; the simulation's own thread is none of those that async work runs on.
    private static func wait<Value: Sendable>(
        _ work: @escaping @Sendable () async throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        let done = DispatchSemaphore(value: 0)
        let box = ResultBox<Value>()
        Task {
            do throws(StoreError) {
                box.result = .success(try await work())
            } catch {
                box.result = .failure(error)
            }
            done.signal()
        }
        done.wait()
        guard let result = box.result else { throw .closed }
        return try result.get()
    }

    private final class ResultBox<Value>: @unchecked Sendable {
        // Written before the semaphore is signalled and read after it was waited for.
        var result: Result<Value, StoreError>?
    }
}
