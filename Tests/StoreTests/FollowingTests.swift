// What is written together with other writes because of them: all of it or nothing.
import Replica
import Store
import Testing

@Suite struct FollowingTests {
    private static let name = Array("audit/1".utf8)

    @Test("What follows from a write is made of its receipt and is there with it")
    func together() async throws {
        let place = try Workplace()
        let store = try place.open()
        let feed = store.subscribe()
        let first = try await store.write([try put("config/a", "1")])[0]
        _ = try await store.write([try delete("config/a")])
        let name = try key("config/a")
        let gone = try #require(store.entries(forKeys: [name]).batch.entries.first)
        let second = try await store.write([try put("config/a", "2")], expecting: [name: nil]) {
            receipts in
            let text = receipts.map { "\($0.replaced?.text ?? "none") \($0.version.text)" }.joined()
            let entry = try? put("data/a", text)
            return FollowingWrites(entries: entry.map { [$0] } ?? [], local: [.put(Self.name, Array(text.utf8))])
        }[0]
        #expect(first.replaced == nil && second.replaced == gone.version)
        let expected = "\(gone.version.text) \(second.version.text)"
        #expect(try store.value("data/a") == expected)
        #expect(try store.getLocal(Self.name) == Array(expected.utf8))
        var keys: [[String]] = []
        for await case .commit(let commit) in feed {
            keys.append(commit.groups.flatMap { $0.entries.entries.map(\.key.description) })
            if keys.count == 3 { break }
        }
        #expect(keys.last == ["config/a", "data/a"])
        try await store.expectSummaryOfContents()
        await store.close()
    }

    @Test("Nothing of what follows is there where the write was refused")
    func refused() async throws {
        let place = try Workplace()
        let store = try place.open()
        let version = try await store.write([try put("config/a", "1")])[0].version
        await #expect(throws: StoreError.conflict(key: try key("config/a"), found: version)) {
            try await store.write([try put("config/a", "2")], expecting: [try key("config/a"): nil]) { _ in
                FollowingWrites(local: [.put(Self.name, [1])])
            }
        }
        #expect(try store.getLocal(Self.name) == nil)
        await store.close()
    }

    @Test("A write is not there where what follows from it cannot be")
    func impossible() async throws {
        let place = try Workplace()
        let store = try place.open()
        await #expect(throws: StoreError.localKeyLength(0)) {
            try await store.write([try put("config/a", "1")], expecting: [:]) { _ in
                FollowingWrites(local: [.put([], [1])])
            }
        }
        let large = try key("data/large")
        let count = Entry.valueByteCountMax + 1
        await #expect(throws: StoreError.valueLength(key: large, byteCount: count)) {
            try await store.write([try put("config/a", "1")], expecting: [:]) { _ in
                FollowingWrites(
                    entries: [
                        LocalWrite(
                            key: large, change: .put([UInt8](repeating: 1, count: count), leaseMilliseconds: nil))
                    ])
            }
        }
        #expect(try store.value("config/a") == nil)
        try await store.expectSummaryOfContents()
        await store.close()
    }
}
