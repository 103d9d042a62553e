// Merges of received batches, against a map as plain as can be.
import Replica
import Store
import Testing

@Suite struct MergingTests {
    @Test("Random batches and local writes leave what a naive map holds", arguments: [1, 2, 3, 4, 5] as [UInt64])
    func oracle(seed: UInt64) async throws {
        let place = try Workplace()
        let store = try place.open()
        var random = SeededGenerator(seed: seed)
        var naive = NaiveMap()
        for _ in 0..<60 {
            place.clock.advance(byMilliseconds: Int64.random(in: 0...3, using: &random))
            if Int.random(in: 0..<4, using: &random) == 0 {
                let name = Self.name(&random)
                let write = Bool.random(using: &random) ? try put(name, "local") : try delete(name)
                let receipt = try await store.write([write])[0]
                let stored = try store.entries(forKeys: [write.key]).0.entries
                #expect(stored.map(\.digest) == [receipt.digest])
                #expect(naive.entries[write.key].map { $0.version < receipt.version } ?? true)
                for entry in stored { naive.merge(entry) }
            } else {
                let batch = try randomBatch(place.clock.now, &random)
                let before = naive.sorted
                for entry in batch { naive.merge(entry) }
                let outcome = try await store.merge(batch)
                #expect(outcome.refused.isEmpty)
                #expect((outcome.changedCount > 0) == (before != naive.sorted))
            }
        }
        #expect(try await store.everything() == naive.sorted)
        try await store.expectSummaryOfContents()
        let summary = store.summary
        await store.close()
        let again = try place.open()
        #expect(try await again.everything() == naive.sorted)
        #expect(again.summary.fingerprint == summary.fingerprint)
        #expect(again.summary.sketch.symbols == summary.sketch.symbols)
        await again.close()
    }

    private static func name(_ random: inout SeededGenerator) -> String {
        let prefix = Int.random(in: 0..<4, using: &random) == 0 ? "audit/s" : "config"
        return "\(prefix)/\(Int.random(in: 0..<80, using: &random))"
    }

    /// Few keys, few versions, few values: every kind of tie.
    private func randomBatch(_ now: WallTime, _ random: inout SeededGenerator) throws -> [Entry] {
        var entries: [Entry] = []
        for _ in 0..<Int.random(in: 1...30, using: &random) {
            let stamp = version(
                WallTime(milliseconds: now.milliseconds - UInt64.random(in: 0..<5, using: &random)),
                counter: UInt64.random(in: 0..<2, using: &random), origin: UInt64.random(in: 1...3, using: &random))
            let isTombstone = Int.random(in: 0..<5, using: &random) == 0
            let key = try Key(Self.name(&random))
            let lease = key.keyClass.longestLeaseMilliseconds.map { isTombstone ? $0 + 120_000 : $0 }
            entries.append(
                Entry(
                    key: key, kind: isTombstone ? .tombstone : .value, version: stamp,
                    expiry: lease.map { stamp.clock.time.advanced(byMilliseconds: $0) },
                    value: isTombstone ? [] : [UInt8.random(in: 0..<3, using: &random)]))
        }
        if Bool.random(using: &random) { entries.sort { $0.key < $1.key } }
        return entries
    }

    @Test("Batches in key order past the end, overlapping and before it merge alike")
    func appending() async throws {
        let place = try Workplace()
        let store = try place.open()
        var naive = NaiveMap()
        for range in [100..<200, 200..<300, 250..<350, 0..<50, 340..<341, 0..<400] {
            let stamp = version(place.clock.now, counter: UInt64(range.count))
            let batch = try range.map { try received("config/\(1_000 + $0)", "\(range)", stamp) }
            for entry in batch { naive.merge(entry) }
            _ = try await store.merge(batch)
        }
        #expect(try await store.everything() == naive.sorted)
        try await store.expectSummaryOfContents()
        await store.close()
    }

    @Test("A tombstone outlives every value it shadows")
    func tombstone() async throws {
        let place = try Workplace()
        let store = try place.open()
        let stamp = version(place.clock.now)
        _ = try await store.merge([try received("config/a", "old", stamp)])
        _ = try await store.write([try delete("config/a")])
        let outcome = try await store.merge([try received("config/a", "old", stamp)])
        #expect(outcome.changedCount == 0 && outcome.refused.isEmpty)
        #expect(try store.value("config/a") == nil)
        await store.close()
    }

    @Test("Refused entries are named with their digest, reason and when it lapses; the others are taken")
    func refusals() async throws {
        let place = try Workplace()
        let store = try place.open()
        let feed = store.subscribe()
        let now = place.clock.now
        let ahead = try received("config/ahead", "1", version(now.advanced(byMilliseconds: 60_001)))
        let then = WallTime(milliseconds: now.milliseconds - 240_000)
        let expiry = then.advanced(byMilliseconds: 10_000)
        let expired = try received("server/s", "1", version(then), expiry: expiry)
        let invalid = try received("config/lease", "1", version(now), expiry: now.advanced(byMilliseconds: 1))
        let good = try (0..<4).map { try received("config/\($0)", "1", version(now)) }
        let outcome = try await store.merge([good[0], good[1], ahead, good[2], expired, invalid, good[3]], source: 7)
        #expect(outcome.changedCount == 4)
        #expect(
            outcome.refused == [
                .init(
                    key: ahead.key.bytes, digest: ahead.digest, refusal: .aheadOfTime,
                    lapses: WallTime(milliseconds: now.milliseconds + 1)),
                .init(
                    key: expired.key.bytes, digest: expired.digest, refusal: .expired,
                    lapses: WallTime(milliseconds: now.milliseconds + 120_000)),
                .init(key: invalid.key.bytes, digest: invalid.digest, refusal: .invalid, lapses: nil),
            ])
        let own = try await store.merge(
            EntryBatch([try received("config/x", "1", version(now))]), scope: .own(serverID: Array("s".utf8)), source: 1
        )
        #expect(own.refused.map(\.refusal) == [.notAllowed])
        guard case .commit(let commit) = await feed.next() else {
            Issue.record("no commit")
            return
        }
        #expect(commit.groups.map(\.source) == [.link(7)])
        #expect(commit.groups[0].entries.entries == good)
        #expect(commit.groups[0].replaced == [nil, nil, nil, nil])
        await store.close()
    }

    @Test("One version with two digests is merged by digest and reported")
    func sameVersion() async throws {
        let place = try Workplace()
        let store = try place.open()
        let stamp = version(place.clock.now)
        let pair = [try received("config/a", "1", stamp), try received("config/a", "2", stamp)]
        _ = try await store.merge([pair[0]])
        let outcome = try await store.merge([pair[1]])
        #expect(outcome.sameVersionDifferentDigest == [pair[0].key])
        #expect(try await store.everything() == [pair[0].merged(with: pair[1])])
        #expect(try await store.merge(pair).changedCount == 0)
        await store.close()
    }
}
