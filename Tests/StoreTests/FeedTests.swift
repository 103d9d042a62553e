// The change feed: order, sharing, falling behind, ending.
import Replica
import Store
import Testing

@Suite struct FeedTests {
    @Test("A feed has every change after subscribing, in order, and ends when the store closes")
    func order() async throws {
        let place = try Workplace()
        let store = try place.open()
        _ = try await store.write([try put("config/before", "1")])
        let feed = store.subscribe()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    for number in 0..<50 { _ = try await store.write([try put("config/\(writer)", "\(number)")]) }
                }
            }
            try await group.waitForAll()
        }
        // A merge that changes nothing is not announced.
        _ = try await store.merge(try await store.everything())
        await store.close()

        var sequences: [UInt64] = []
        var versions: [Key: Version] = [:]
        var count = 0
        for await event in feed {
            guard case .commit(let commit) = event else {
                Issue.record("a rescan")
                continue
            }
            sequences.append(commit.sequence)
            for group in commit.groups {
                #expect(group.source == .local)
                for (entry, replaced) in zip(group.entries.entries, group.replaced) {
                    #expect(versions[entry.key] == replaced)
                    versions[entry.key] = entry.version
                    count += 1
                }
            }
        }
        #expect(count == 400)
        #expect(sequences == Array(2..<(2 + UInt64(sequences.count))))
    }

    @Test("A subscriber that falls behind is told to rescan, and gets what comes after")
    func rescan() async throws {
        let place = try Workplace()
        let store = try place.open()
        let feed = store.subscribe(bufferedByteCountMax: 2_000)
        for number in 0..<50 { _ = try await store.write([try put("config/\(number)", "value")]) }
        guard case .rescan = await feed.next() else {
            Issue.record("no rescan")
            return
        }
        _ = try await store.write([try put("config/after", "value")])
        guard case .commit(let commit) = await feed.next() else {
            Issue.record("no commit")
            return
        }
        #expect(commit.groups[0].entries.entries.map(\.key) == [try key("config/after")])
        await store.close()
    }

    @Test("A subscriber that waits is woken by a write, and by cancellation")
    func waiting() async throws {
        let place = try Workplace()
        let store = try place.open()
        let feed = store.subscribe()
        let woken = Task { await feed.next() != nil }
        _ = try await store.write([try put("config/a", "1")])
        #expect(await woken.value)
        let other = store.subscribe()
        let cancelled = Task { await other.next() == nil }
        cancelled.cancel()
        #expect(await cancelled.value)
        await store.close()
        #expect(await store.subscribe().next() == nil)
    }
}
