// Expiry, stamping anew, damaged entries, sketches and searches by item id.
import Foundation
import Replica
import Store
import Testing

@Suite struct UpkeepTests {
    @Test("An expired lease is out of sight at once, and out of the map when no older lease of its key can be alive")
    func expiry() async throws {
        let place = try Workplace()
        let store = try place.open()
        _ = try await store.write([
            try put("server/a", "1", lease: 10_000), try put("session/a/1", "2", lease: 20_000),
            try put("config/a", "3"),
        ])
        let start = place.clock.now
        #expect(store.nextPurge == start.advanced(byMilliseconds: 240_000))
        place.clock.advance(byMilliseconds: 10_000)
        #expect(try store.value("server/a") == nil)
        #expect(try await store.expire() == 0)
        #expect(store.summary.count == 3)
        _ = try await store.write([try put("session/a/1", "2", lease: 20_000)])
        let feed = store.subscribe()
        place.clock.advance(byMilliseconds: 230_000)
        #expect(try await store.expire() == 1)
        #expect(store.summary.count == 2)
        #expect(store.nextPurge == start.advanced(byMilliseconds: 250_000))
        guard case .commit(let commit) = await feed.next() else {
            Issue.record("no commit")
            return
        }
        #expect(commit.groups.map(\.source) == [.expiry])
        #expect(commit.groups[0].entries.entries.map(\.value) == [Array("1".utf8)])
        place.clock.advance(byMilliseconds: 20_000)
        #expect(try await store.expire() == 1)
        #expect(store.nextPurge == nil)
        try await store.expectSummaryOfContents()
        await store.close()
    }

    @Test("An audit entry is kept for 400 days and the margin, value or tombstone, whatever else is purged meanwhile")
    func auditExpiry() async throws {
        let place = try Workplace()
        let store = try place.open()
        let days: Int64 = 400 * 86_400_000
        _ = try await store.write([
            try put("audit/s/1", "1"), try put("audit/s/2", "2"), try delete("audit/s/2"), try put("server/s", "3"),
            try put("config/a", "4"),
        ])
        let start = place.clock.now
        #expect(store.nextPurge == start.advanced(byMilliseconds: 240_000))
        place.clock.advance(byMilliseconds: 240_000)
        #expect(try await store.expire() == 1)
        #expect(store.nextPurge == start.advanced(byMilliseconds: UInt64(days) + 120_000))
        try await store.expectSummaryOfContents()
        place.clock.advance(byMilliseconds: days - 240_001)
        #expect(try store.value("audit/s/1") == "1")
        place.clock.advance(byMilliseconds: 1)
        #expect(try store.value("audit/s/1") == nil)
        _ = try await store.write([try put("audit/s/3", "5"), try put("server/s", "6")])
        #expect(try await store.expire() == 0)
        place.clock.advance(byMilliseconds: 120_000)
        #expect(store.nextPurge == place.clock.now)
        #expect(try await store.expire() == 2)
        #expect(store.nextPurge == start.advanced(byMilliseconds: UInt64(days) + 240_000), "the lease's")
        try await store.expectSummaryOfContents()
        place.clock.advance(byMilliseconds: 120_000)
        #expect(try await store.expire() == 1)
        #expect(store.nextPurge == start.advanced(byMilliseconds: 2 * UInt64(days) + 120_000))
        await store.close()
        let again = try place.open()
        #expect(again.nextPurge == start.advanced(byMilliseconds: 2 * UInt64(days) + 120_000))
        #expect(again.summary.count == 2 && again.summaryWithoutAudit.count == 1)
        #expect(try again.value("audit/s/3") == "5")
        try await again.expectSummaryOfContents()
        await again.close()
    }

    @Test("A purge of more than one transaction's bytes finishes, of audit entries and leases together")
    func longMixedPurge() async throws {
        let place = try Workplace()
        var options = StoreOptions()
        options.transactionByteCountMax = 2_000
        let store = try place.open(options)
        _ = try await store.write(try (0..<200).map { try put("audit/s/\($0)", "value") })
        place.clock.advance(byMilliseconds: 400 * 86_400_000)
        _ = try await store.write(try (0..<200).map { try put("login/s/\($0)", "value") })
        _ = try await store.write([try put("audit/s/kept", "value")])
        place.clock.advance(byMilliseconds: 240_000)
        #expect(try await store.expire() == 400)
        #expect(store.summary.count == 1 && store.summaryWithoutAudit.count == 0)
        #expect(store.summaryWithoutAudit.fingerprint == Fingerprint())
        await store.close()
    }

    @Test("A purge of more than one transaction's bytes finishes")
    func longPurge() async throws {
        let place = try Workplace()
        var options = StoreOptions()
        options.transactionByteCountMax = 2_000
        let store = try place.open(options)
        let writes = try (0..<300).map { try put("login/s/\($0)", "value", lease: 1_000) }
        _ = try await store.write(writes)
        place.clock.advance(byMilliseconds: 240_000)
        #expect(try await store.expire() == 300)
        #expect(store.summary.count == 0 && store.summary.fingerprint == Fingerprint())
        await store.close()
    }

    @Test("A lease's tombstone is purged after every renewal that it could shadow")
    func leaseTombstone() async throws {
        let place = try Workplace()
        let store = try place.open()
        _ = try await store.write([try put("login/s/1", "1"), try delete("login/s/1")])
        place.clock.advance(byMilliseconds: 239_000)
        #expect(try await store.expire() == 0)
        place.clock.advance(byMilliseconds: 2_000)
        #expect(try await store.expire() == 1)
        await store.close()
    }

    @Test("Entries stamped ahead are stamped anew, keep value and length of lease, and are announced")
    func restamp() async throws {
        let place = try Workplace()
        var options = StoreOptions()
        options.transactionByteCountMax = 500
        let store = try place.open(options)
        _ = try await store.write([try put("config/fine", "0")])
        place.clock.advance(byMilliseconds: 600_000)
        _ = try await store.write(try (0..<50).map { try put("config/\($0)", "\($0)") })
        _ = try await store.write([try put("server/s", "x", lease: 30_000), try delete("login/s/1")])
        place.clock.advance(byMilliseconds: -600_000)
        let feed = store.subscribe()
        #expect(try await store.restampAhead() == 52)
        #expect(try await store.restampAhead() == 0)
        for entry in try await store.everything() {
            #expect(entry.version.clock.time == place.clock.now)
            let admission = Admission(now: place.clock.now)
            let refusal = unsafe admission.refusal(entry.header, key: entry.key.bytes.span.bytes)
            #expect(refusal == nil)
        }
        #expect(try store.value("config/49") == "49")
        let lease = try store.entries(forKeys: [try key("server/s")]).0.entries[0]
        #expect(lease.expiry == place.clock.now.advanced(byMilliseconds: 30_000))
        try await store.expectSummaryOfContents()
        await store.close()
        var announced = 0
        for await case .commit(let commit) in feed {
            for group in commit.groups {
                #expect(group.source == .restamp)
                announced += group.entries.count
            }
        }
        #expect(announced == 52)
    }

    @Test("A scan makes the same sketch as the kept one, and more of it")
    func sketch() async throws {
        let place = try Workplace()
        let store = try place.open()
        _ = try await store.write(try (0..<500).map { try put("config/\($0)", "\($0)") })
        _ = try await store.write(try (0..<100).map { try put("audit/s/\($0)", "\($0)") })
        let made = try await store.sketch(symbolCount: 4_096)
        #expect(made.sketch.symbols.count == 4_096)
        #expect(Array(made.sketch.symbols.prefix(1_024)) == store.summary.sketch.symbols)
        #expect(made.fingerprint == store.summary.fingerprint)
        async let whole = store.sketch(symbolCount: 2_000)
        async let part = store.sketch(symbolCount: 1_024, withAudit: false)
        let (both, rest) = try await (whole, part)
        #expect(both.count == 600 && rest.count == 500)
        #expect(rest.fingerprint == store.summaryWithoutAudit.fingerprint)
        #expect(rest.sketch.prefix(1_024).symbols == store.summaryWithoutAudit.sketch.symbols)
        await store.close()
    }

    @Test("Item ids resolve to keys, for many callers at once")
    func itemIDs() async throws {
        let place = try Workplace()
        let store = try place.open()
        let receipts = try await store.write(try (0..<200).map { try put("config/\(1_000 + $0)", "\($0)") })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask {
                    let wanted = Set([receipts[number].digest.itemID, receipts[199 - number].digest.itemID, 1])
                    let keys = try await store.keys(ofItemIDs: wanted)
                    #expect(keys == [try key("config/\(1_000 + number)"), try key("config/\(1_199 - number)")])
                    _ = try await store.sketch(symbolCount: 10)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await store.readOnReaderThread { snapshot throws(StoreError) in try snapshot.count } == 200)
        await store.close()
    }

    @Test("A damaged value is found by check, named, never sent, and can be thrown away")
    func damage() async throws {
        let place = try Workplace()
        let store = try place.open()
        _ = try await store.write(try (0..<20).map { try put("config/\(100 + $0)", "value-\($0)-of-this-test") })
        await store.close()
        #expect(try place.check().isSound)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: place.data))
        var found = 0
        while let range = bytes.range(of: Data("value-7-of-this-test".utf8)) {
            bytes[range.lowerBound] ^= 1
            found += 1
        }
        #expect(found > 0)
        try bytes.write(to: URL(fileURLWithPath: place.data))

        let report = try place.check()
        #expect(report.entryCount == 20 && report.damagedCount == 1)
        #expect(report.damaged.map(\.key) == [try key("config/107")])
        #expect(report.damaged.map(\.fault) == [.digest])
        let again = try place.open()
        let (sound, _, damaged) = try again.entries(forKeys: [try key("config/106"), try key("config/107")])
        #expect(sound.count == 1)
        #expect(damaged == [try key("config/107")])
        let chunk = try await again.chunk(after: nil, byteCountMax: 100_000)
        #expect(chunk.entries.count == 19 && chunk.damaged == damaged && chunk.isEnd)
        #expect(try await again.discardDamaged([try key("config/106"), try key("config/107")]) == 1)
        #expect(again.summary.count == 19)
        try await again.expectSummaryOfContents()
        await again.close()
        #expect(try place.check().isSound)
    }
}
