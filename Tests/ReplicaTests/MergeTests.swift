// The laws of the merge, against an oracle that knows nothing of it.
import Replica
import Testing

@Suite("Merge")
struct MergeTests {
    /// What the merge is: of all entries of one key, the one that no other beats.
    private func oracle(_ entries: [Entry]) -> [Key: Entry] {
        var best: [Key: Entry] = [:]
        for entry in entries {
            let rivals = entries.filter { $0.key == entry.key }
            let isBest = rivals.allSatisfy { rival in
                let own = (entry.version.clock.raw, entry.version.origin.raw)
                let other = (rival.version.clock.raw, rival.version.origin.raw)
                return own > other || (own == other && entry.digest.value >= rival.digest.value)
            }
            if isBest { best[entry.key] = entry }
        }
        return best
    }

    private func merge(_ entries: [Entry]) -> [Key: Entry] {
        entries.reduce(into: [:]) { map, entry in map[entry.key] = map[entry.key]?.merged(with: entry) ?? entry }
    }

    @Test("The merge commutes, associates and is idempotent", arguments: 0..<300 as Range<UInt64>)
    func laws(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let key = try Key("config/0")
        let entries = try (0..<3).map { _ in
            let entry = try makeRandomEntry(using: &random)
            return Entry(key: key, kind: entry.kind, version: entry.version, value: entry.value)
        }
        let (a, b, c) = (entries[0], entries[1], entries[2])
        #expect(a.merged(with: b) == b.merged(with: a), "seed \(seed)")
        #expect(a.merged(with: b).merged(with: c) == a.merged(with: b.merged(with: c)), "seed \(seed)")
        #expect(a.merged(with: a) == a, "seed \(seed)")
        #expect(a.merged(with: b).merged(with: b) == a.merged(with: b), "seed \(seed)")
    }

    @Test(
        "In whatever order and however often entries come, the map is the oracle's",
        arguments: 0..<100 as Range<UInt64>)
    func oracle(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let entries = try (0..<20).map { _ in try makeRandomEntry(using: &random) }
        let expected = oracle(entries)
        for _ in 0..<5 {
            #expect(merge((entries + entries.prefix(7)).shuffled(using: &random)) == expected, "seed \(seed)")
        }
    }

    @Test("Clock decides before origin, and origin before digest")
    func precedence() throws {
        let key = try Key("config/a")
        let late = Entry(key: key, version: makeVersion(1, origin: 1))
        let high = Entry(key: key, version: makeVersion(0, origin: 9))
        #expect(late.merged(with: high) == late)
        let low = Entry(key: key, version: makeVersion(0, origin: 2))
        #expect(high.merged(with: low) == high)
        let twins = [1, 2].map { Entry(key: key, version: makeVersion(), value: [$0]) }
        let winner = try #require(twins.max { $0.digest < $1.digest })
        #expect(twins[0].merged(with: twins[1]) == winner && twins[1].merged(with: twins[0]) == winner)
    }
}
