// Sketches: the difference of two sets from their coded symbols, exactly, and kept up to date.
import Replica
import Testing

/// Two random sets with common items and a number of items in one of them only.
struct TwoSets {
    var common: [UInt64]
    var remoteOnly: [UInt64] = []
    var localOnly: [UInt64] = []

    init(common: Int, differences: Int, seed: UInt64) {
        var random = SplitMix64(seed: seed)
        self.common = (0..<common).map { _ in random.next() }
        for _ in 0..<differences {
            if Bool.random(using: &random) { remoteOnly.append(random.next()) } else { localOnly.append(random.next()) }
        }
    }

    func sketches(symbolCount: Int) -> (remote: Sketch, local: Sketch) {
        var remote = Sketch(symbolCount: symbolCount)
        for item in common { remote.add(item) }
        var local = remote
        for item in remoteOnly { remote.add(item) }
        for item in localOnly { local.add(item) }
        return (remote, local)
    }

    func isSolved(by decoder: SketchDecoder) -> Bool {
        decoder.isComplete && decoder.remoteOnly.sorted() == remoteOnly.sorted()
            && decoder.localOnly.sorted() == localOnly.sorted()
    }
}

@Suite("Sketches")
struct SketchTests {
    @Test(
        "A sketch minus a sketch decodes to exactly the symmetric difference",
        arguments: [0, 1, 2, 3, 5, 10, 50, 100, 1_000, 5_000, 20_000], [0, 5_000])
    func exact(differences: Int, common: Int) {
        for seed in 0..<UInt64(differences > 1_000 ? 2 : 20) {
            let sets = TwoSets(common: common, differences: differences, seed: seed)
            let count = differences * 2 + 100
            let (remote, local) = sets.sketches(symbolCount: count)
            var decoder = SketchDecoder()
            decoder.append(remote: remote.symbols[...], local: local.symbols[...])
            #expect(sets.isSolved(by: decoder), "seed \(seed)")
        }
    }

    @Test("Symbols taken in bursts give what they give all at once", arguments: 0..<30 as Range<UInt64>)
    func bursts(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let sets = TwoSets(common: 300, differences: Int.random(in: 0..<150, using: &random), seed: seed)
        let (remote, local) = sets.sketches(symbolCount: 400)
        var whole = SketchDecoder()
        whole.append(remote: remote.symbols[...], local: local.symbols[...])
        var parts = SketchDecoder()
        while parts.symbolCount < 400 {
            let end = min(400, parts.symbolCount + Int.random(in: 1..<60, using: &random))
            let range = parts.symbolCount..<end
            parts.append(remote: remote.symbols[range], local: local.symbols[range])
            if parts.isComplete { #expect(sets.isSolved(by: parts), "seed \(seed), \(end) symbols") }
        }
        #expect(sets.isSolved(by: whole) && sets.isSolved(by: parts), "seed \(seed)")
        #expect(whole.estimatedDifference == parts.estimatedDifference, "seed \(seed)")
    }

    @Test("Damaged symbols never decode to something complete and wrong", arguments: 0..<200 as Range<UInt64>)
    func damaged(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let sets = TwoSets(common: 50, differences: Int.random(in: 0..<40, using: &random), seed: seed)
        var (remote, local) = sets.sketches(symbolCount: 120)
        var symbols = remote.symbols
        for _ in 0..<Int.random(in: 1..<4, using: &random) {
            let index = Int.random(in: 0..<120, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: symbols[index].itemIDs ^= 1 << UInt64.random(in: 0..<64, using: &random)
            case 1: symbols[index].itemChecks ^= 1 << UInt32.random(in: 0..<32, using: &random)
            default: symbols[index].count &+= Int32.random(in: -2...2, using: &random)
            }
        }
        remote.add(1)
        var decoder = SketchDecoder()
        decoder.append(remote: symbols[...], local: local.symbols[...])
        if decoder.isComplete { #expect(sets.isSolved(by: decoder), "seed \(seed)") }
    }

    @Test("A sketch after additions and removals is the sketch of what is left", arguments: 0..<30 as Range<UInt64>)
    func upToDate(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var summary = MapSummary(symbolCount: 256)
        var items: [Digest] = []
        for _ in 0..<500 {
            if items.isEmpty || Int.random(in: 0..<3, using: &random) > 0 {
                items.append(Digest(value: UInt128(random.next()) << 64 | UInt128(random.next())))
                summary.add(items[items.count - 1])
            } else {
                summary.remove(items.remove(at: Int.random(in: 0..<items.count, using: &random)))
            }
        }
        var anew = MapSummary(symbolCount: 256)
        for item in items { anew.add(item) }
        #expect(summary.sketch.symbols == anew.sketch.symbols, "seed \(seed)")
        #expect(summary.count == items.count && summary.fingerprint == anew.fingerprint, "seed \(seed)")
        let without = summary.removing(items)
        #expect(without.count == 0 && without.fingerprint == Fingerprint(), "seed \(seed)")
        #expect(without.sketch.symbols.allSatisfy { $0.isZero }, "seed \(seed)")
    }

    @Test("The summary of a map without a part of it is that of what is left", arguments: 0..<20 as Range<UInt64>)
    func withoutPart(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var (whole, part, rest) = (MapSummary(), MapSummary(), MapSummary())
        for _ in 0..<Int.random(in: 0..<400, using: &random) {
            let digest = Digest(value: UInt128(random.next()) << 64 | UInt128(random.next()))
            whole.add(digest)
            if seed == 0 || Int.random(in: 0..<3, using: &random) > 0 { rest.add(digest) } else { part.add(digest) }
        }
        let left = whole.removing(part)
        #expect(left.count == rest.count && left.fingerprint == rest.fingerprint, "seed \(seed)")
        #expect(left.sketch.symbols == rest.sketch.symbols, "seed \(seed)")
    }

    @Test("A longer sketch begins with the shorter one")
    func prefix() {
        let sets = TwoSets(common: 1_000, differences: 0, seed: 1)
        let long = sets.sketches(symbolCount: 500).remote
        #expect(Array(long.symbols.prefix(100)) == sets.sketches(symbolCount: 100).remote.symbols)
        #expect(long.symbols[0].count == 1_000, "every item is in the first symbol")
    }

    @Test("A fingerprint is a sum: taking away undoes adding, and adding twice does not cancel")
    func fingerprint() {
        var random = SplitMix64(seed: 3)
        let digests = (0..<50).map { _ in Digest(value: UInt128(random.next()) << 64 | UInt128(random.next())) }
        var forward = Fingerprint()
        var backward = Fingerprint()
        for digest in digests { forward.add(digest) }
        for digest in digests.reversed() { backward.add(digest) }
        #expect(forward == backward)
        for digest in digests { forward.remove(digest) }
        #expect(forward == Fingerprint())
        forward.add(digests[0])
        forward.add(digests[0])
        #expect(forward.value == digests[0].value &* 2 && forward != Fingerprint())
        #expect(Fingerprint(value: 255).hex == String(repeating: "0", count: 30) + "ff")
    }
}
