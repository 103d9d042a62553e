// What every store of a simulated member must do, whether it is in memory or the real one on disk.
import Foundation
import Gossip
import Replica
import SimulatedWorld
import Store
import Testing

@Suite("Stores of simulated members")
struct StoreContractTests: Sendable {
    enum Kind: String, CaseIterable, Sendable { case memory, disk }

    /// A store of either kind, with the pool that it works on.
    private final class Place {
        let pool = EntryPool()
        let store: any SimulatedStore
        private let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("store-contract-\(UUID().uuidString)").path

        init(_ kind: Kind) throws {
            switch kind {
            case .memory: store = MemoryStore(pool: pool)
            case .disk:
                store = try DiskStore(
                    directory: directory, mapByteCount: 64 << 20, pool: pool, origin: Origin(raw: 5))
            }
        }

        deinit {
            store.close()
            try? FileManager.default.removeItem(atPath: directory)
        }
    }

    private let origin = Origin(raw: 5)

    private func put(_ key: String, _ value: String, lease: UInt64? = nil) throws -> LocalWrite {
        LocalWrite(key: try Key(key), change: .put(Array(value.utf8), leaseMilliseconds: lease))
    }

    private func entry(_ key: String, _ value: String, clock: UInt64, origin: UInt64 = 1) throws -> Entry {
        Entry(
            key: try Key(key),
            version: Version(clock: Clock(startOfTime.advanced(byMilliseconds: clock)), origin: Origin(raw: origin)),
            value: Array(value.utf8))
    }

    @Test("A write is stamped past what it replaces, and summed up", arguments: Kind.allCases)
    func writes(kind: Kind) async throws {
        try await onOwnThread {
            let place = try Place(kind)
            let first = try place.store.write([put("config/a", "1")], now: startOfTime, origin: origin)
            let second = try place.store.write([put("config/a", "2")], now: startOfTime, origin: origin)
            #expect(second[0].version > first[0].version)
            #expect(second[0].version.clock.time == startOfTime)
            #expect(place.store.count == 1)
            #expect(try place.store[Key("config/a")] == second[0])
            var expected = MapSummary()
            expected.add(second[0].digest)
            #expect(place.store.summary.fingerprint == expected.fingerprint)
            #expect(place.store.summary.sketch.symbols == expected.sketch.symbols)
        }
    }

    @Test("A merge takes what wins, refuses what it must, and says which is which", arguments: Kind.allCases)
    func merges(kind: Kind) async throws {
        try await onOwnThread {
            let place = try Place(kind)
            let now = startOfTime.advanced(byMilliseconds: 1_000)
            let old = try entry("config/a", "old", clock: 10)
            let new = try entry("config/a", "new", clock: 20)
            let ahead = try entry("config/b", "ahead", clock: 100_000)
            let merged = try place.store.merge(EntryBatch([new, ahead]), now: now, scope: .everything)
            #expect(merged.changed.entries == [new])
            #expect(merged.refused.map(\.refusal) == [.aheadOfTime])
            let again = try place.store.merge(EntryBatch([old, new]), now: now, scope: .everything)
            #expect(again.changed.isEmpty && again.refused.isEmpty)
            #expect(try place.store[Key("config/a")] == new)
        }
    }

    @Test("A lease is purged at its time, and the change is told", arguments: Kind.allCases)
    func purges(kind: Kind) async throws {
        try await onOwnThread {
            let place = try Place(kind)
            _ = try place.store.write([put("server/a", "1", lease: 1_000)], now: startOfTime, origin: origin)
            var purged = 0
            place.store.onChange = { if $0.new == nil { purged += 1 } }
            #expect(place.store.nextPurge == startOfTime.advanced(byMilliseconds: 240_000))
            #expect(try place.store.expire(now: startOfTime.advanced(byMilliseconds: 239_999)).isEmpty)
            #expect(try place.store.expire(now: startOfTime.advanced(byMilliseconds: 240_000)).count == 1)
            #expect(purged == 1 && place.store.count == 0 && place.store.nextPurge == nil)
        }
    }

    @Test("Audit entries are counted apart, and purged at a time of their own", arguments: Kind.allCases)
    func audit(kind: Kind) async throws {
        try await onOwnThread {
            let place = try Place(kind)
            let writes = try (0..<5).map { try put("audit/a/\($0)", "1") }
            _ = try place.store.write(writes, now: startOfTime, origin: origin)
            _ = try place.store.write([put("audit/a/0", "2"), put("config/a", "1")], now: startOfTime, origin: origin)
            let config = try #require(try place.store[Key("config/a")])
            let left = try Key("audit/a/0")
            for extent in [Extent(withAudit: false), Extent(withAudit: true, leavingOut: [left])] {
                let summary = try place.store.summary(of: extent)
                #expect(summary.count == (extent.withAudit ? 5 : 1))
                let made = try place.store.sketch(symbolCount: 64, of: extent)
                #expect(made.count == summary.count && made.fingerprint == summary.fingerprint)
                #expect(made.sketch.symbols == Array(summary.sketch.symbols.prefix(64)))
            }
            var expected = Fingerprint()
            expected.add(config.digest)
            #expect(place.store.withoutAudit.count == 1 && place.store.withoutAudit.fingerprint == expected)
            #expect(try place.store.summary(of: Extent(withAudit: false)).fingerprint == expected)
            let end = startOfTime.advanced(byMilliseconds: 400 * 86_400_000 + 120_000)
            #expect(place.store.nextPurge == end && place.store.count == 6)
            #expect(try place.store.expire(now: end).count == 5)
            #expect(place.store.nextPurge == nil && place.store.count == 1 && place.store.fingerprint == expected)
        }
    }

    @Test("What is ahead of time is stamped anew under a lower version", arguments: Kind.allCases)
    func restamps(kind: Kind) async throws {
        try await onOwnThread {
            let place = try Place(kind)
            let later = startOfTime.advanced(byMilliseconds: 1_000_000)
            _ = try place.store.write([put("config/a", "1"), put("config/b", "2")], now: later, origin: origin)
            let batch = try place.store.restampAhead(now: startOfTime, origin: origin)
            #expect(batch.count == 2)
            #expect(try place.store[Key("config/a")]?.version.clock.time == startOfTime)
        }
    }

    @Test("Entries are found by item id, read by key, and streamed in key order", arguments: Kind.allCases)
    func reads(kind: Kind) async throws {
        try await onOwnThread {
            let place = try Place(kind)
            let entries = try (0..<20).map { try entry("data/\(100 + $0)", "value", clock: 1) }
            _ = try place.store.merge(EntryBatch(entries.reversed()), now: startOfTime, scope: .everything)
            let ids = entries[3...5].map(\.digest.itemID)
            #expect(try place.store.resolve(ids) == entries[3...5].map(\.key))
            let read = try place.store.read(entries.map(\.key), byteCountMax: 100)
            #expect(read.keyCount >= 1 && read.batch.entries == Array(entries.prefix(read.batch.count)))
            var streamed: [Entry] = []
            var after: [UInt8] = []
            while true {
                let chunk = try place.store.chunk(after: after, byteCountMax: 150)
                streamed += chunk.batch.entries
                after = chunk.last
                if chunk.isEnd { break }
            }
            #expect(streamed == entries)
            let whole = try place.store.summary(of: Extent())
            let part = try place.store.summary(of: Extent(leavingOut: [entries[0].key]))
            #expect(part.count == whole.count - 1)
            #expect(
                try place.store.sketch(symbolCount: 64, of: Extent()).sketch.symbols
                    == Array(whole.sketch.symbols.prefix(64)))
        }
    }
}
