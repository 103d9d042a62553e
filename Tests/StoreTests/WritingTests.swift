// Local writes: stamps, receipts, conditions, group commit, limits.
import Replica
import Store
import Testing

@Suite struct WritingTests {
    @Test("What was put can be read, what was deleted cannot")
    func putGetDelete() async throws {
        let place = try Workplace()
        let store = try place.open()
        let receipts = try await store.write([try put("config/a", "1"), try put("config/b", "2")])
        #expect(receipts.map(\.hadValue) == [false, false])
        #expect(try store.value("config/a") == "1")
        let deleted = try await store.write([try delete("config/a")])
        #expect(deleted[0].hadValue)
        #expect(try store.value("config/a") == nil)
        #expect(try store.value("config/b") == "2")
        #expect(store.statistics.tombstoneCount == 1)
        #expect(store.statistics.valueCount == 1)
        try await store.expectSummaryOfContents()
        await store.close()
    }

    @Test("A scan goes in byte order, by prefix, from after a key, and stops when told")
    func scanOrder() async throws {
        let place = try Workplace()
        let store = try place.open()
        let names = ["config/z", "config/a/b", "config/a", "data/x", "config/ä", "config/a0"]
        _ = try await store.write(try names.map { try put($0, $0) })
        _ = try await store.write([try delete("config/a0")])
        func scan(_ prefix: String, after: String? = nil, dead: Bool = false, limit: Int = 99) throws -> [String] {
            var found: [String] = []
            let after = try after.map { try Key($0) }
            try store.read { snapshot throws(StoreError) in
                try snapshot.forEach(prefix: Array(prefix.utf8), after: after, includingDead: dead) { _, _, key, _ in
                    found.append(String(decoding: key.copy(), as: UTF8.self))
                    return found.count < limit
                }
            }
            return found
        }
        #expect(try scan("") == ["config/a", "config/a/b", "config/z", "config/ä", "data/x"])
        #expect(try scan("config/", dead: true) == ["config/a", "config/a/b", "config/a0", "config/z", "config/ä"])
        #expect(try scan("config/", after: "config/a/b") == ["config/z", "config/ä"])
        #expect(try scan("config/", after: "config/b") == ["config/z", "config/ä"])
        #expect(try scan("data/", after: "config/a") == ["data/x"])
        #expect(try scan("config/a", limit: 1) == ["config/a"])
        #expect(try scan("nothing").isEmpty)
        await store.close()
    }

    @Test("Writes of one key within one millisecond get ascending versions")
    func sameMillisecond() async throws {
        let place = try Workplace()
        let store = try place.open()
        var versions: [Version] = []
        for number in 0..<5 {
            versions += try await store.write([try put("config/a", "\(number)"), try put("config/a", "\(number)b")])
                .map(\.version)
        }
        #expect(versions == versions.sorted() && Set(versions).count == 10)
        #expect(versions[0] == version(place.clock.now, origin: 1))
        #expect(try store.value("config/a") == "4b")
        await store.close()
    }

    @Test("A write beats a stored entry that is stamped ahead")
    func beatsAhead() async throws {
        let place = try Workplace()
        let store = try place.open()
        let ahead = version(place.clock.now.advanced(byMilliseconds: 50_000))
        _ = try await store.merge([try received("config/a", "theirs", ahead)])
        let receipt = try await store.write([try put("config/a", "mine")])[0]
        #expect(receipt.version > ahead && receipt.hadValue)
        #expect(try store.value("config/a") == "mine")
        await store.close()
    }

    @Test("A conditional write happens only if every key is as expected")
    func conditional() async throws {
        let place = try Workplace()
        let store = try place.open()
        let a = try key("config/a")
        let first = try await store.write([try put("config/a", "1")], expecting: [a: nil])[0]
        await #expect(throws: StoreError.conflict(key: a, found: first.version)) {
            try await store.write([try put("config/a", "2"), try put("config/b", "2")], expecting: [a: nil])
        }
        #expect(try store.value("config/a") == "1")
        #expect(try store.value("config/b") == nil)
        _ = try await store.write([try delete("config/a")], expecting: [a: first.version])
        _ = try await store.write([try put("config/a", "3")], expecting: [a: nil])
        #expect(try store.value("config/a") == "3")
        try await store.expectSummaryOfContents()
        await store.close()
    }

    @Test("A value over the limit is refused with its key")
    func tooLong() async throws {
        let place = try Workplace()
        let store = try place.open()
        let write = LocalWrite(
            key: try key("config/a"),
            change: .put([UInt8](repeating: 0, count: Entry.valueByteCountMax + 1), leaseMilliseconds: nil))
        await #expect(throws: StoreError.valueLength(key: write.key, byteCount: Entry.valueByteCountMax + 1)) {
            try await store.write([write])
        }
        let longest = LocalWrite(
            key: try key("config/a"),
            change: .put([UInt8](repeating: 7, count: Entry.valueByteCountMax), leaseMilliseconds: nil))
        _ = try await store.write([longest])
        #expect(try store.value("config/a")?.utf8.count == Entry.valueByteCountMax)
        await store.close()
    }

    @Test("64 writers at once are all acknowledged, share commits, and are there after opening again")
    func concurrentWriters() async throws {
        let place = try Workplace()
        var options = StoreOptions()
        // Small, so that callers have to wait for room.
        options.queuedWriteCountMax = 8
        let store = try place.open(options)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<64 {
                group.addTask {
                    for number in 0..<20 {
                        _ = try await store.write([try put("config/\(writer)/\(number)", "\(writer * number)")])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(store.statistics.valueCount == 1_280)
        #expect(store.statistics.commitCount < 1_280)
        try await store.expectSummaryOfContents()
        let summary = store.summary
        await store.close()

        let again = try place.open()
        #expect(again.summary.fingerprint == summary.fingerprint)
        #expect(again.summary.sketch.symbols == summary.sketch.symbols)
        for writer in 0..<64 {
            for number in 0..<20 {
                #expect(try again.value("config/\(writer)/\(number)") == "\(writer * number)")
            }
        }
        await again.close()
    }

    @Test("A relaxed batch waits for company, an immediate write takes it along")
    func relaxed() async throws {
        let place = try Workplace()
        var options = StoreOptions()
        options.relaxedDelay = .seconds(3_600)
        let store = try place.open(options)
        let entry = try received("config/a", "1", version(place.clock.now))
        async let relaxed = store.merge([entry], urgency: .relaxed)
        while store.statistics.queuedWriteCount == 0 { await Task.yield() }
        #expect(try store.value("config/a") == nil)
        _ = try await store.write([try put("config/b", "2")])
        #expect(try await relaxed.changedCount == 1)
        #expect(try store.value("config/a") == "1")
        #expect(store.statistics.commitCount == 1)
        await store.close()
    }

    @Test("What is this member's alone is kept apart from the map")
    func local() async throws {
        let place = try Workplace()
        let store = try place.open()
        try await store.putLocal([1, 2], [3])
        try await store.putLocal([1, 3], [])
        try await store.putLocal([2], [9])
        try await store.deleteLocal([2])
        try await store.deleteLocal([77])
        #expect(try store.getLocal([1, 2]) == [3])
        #expect(try store.getLocal([2]) == nil)
        #expect(try store.scanLocal(prefix: [1]).map(\.key) == [[1, 2], [1, 3]])
        #expect(store.summary.count == 0)
        await #expect(throws: StoreError.localKeyLength(0)) { try await store.putLocal([], []) }
        await store.close()
    }
}
