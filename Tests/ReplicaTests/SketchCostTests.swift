// How many symbols a difference costs, against what the method's authors publish, and how good the estimate is.
import Replica
import Testing

@Suite("Sketch cost")
struct SketchCostTests {
    /// Mean symbols for each difference, from the authors' own program (github.com/yangl1996/riblt, its mapping of
    /// items to symbols, peeled after every symbol, 100 to 50,000 runs each). Their README and the paper give 1.35 as
    /// the limit for large differences.
    private static let published: [(differences: Int, overhead: Double, seedCount: UInt64)] = [
        (1, 1.0, 100), (2, 1.593, 4_000), (4, 1.754, 3_000), (10, 1.727, 2_000), (50, 1.513, 500), (100, 1.455, 400),
        (1_000, 1.377, 100), (10_000, 1.359, 100),
    ]

    /// The fewest symbols that decode a difference.
    private func neededSymbols(differences: Int, seed: UInt64) -> Int {
        var random = SplitMix64(seed: seed &* 0x1_0000_0001 &+ UInt64(differences))
        let limit = differences * 3 + 60
        var sketch = Sketch(symbolCount: limit)
        for _ in 0..<differences { sketch.add(random.next()) }
        let none = [CodedSymbol](repeating: CodedSymbol(), count: limit)
        var decoder = SketchDecoder()
        // Large differences in bigger steps at first: peeling is the same, and nobody decodes below 1.2.
        let start = differences >= 100 ? differences * 12 / 10 : 0
        if start > 0 { decoder.append(remote: sketch.symbols[..<start], local: none[..<start]) }
        while !decoder.isComplete, decoder.symbolCount < limit {
            let next = decoder.symbolCount
            decoder.append(remote: sketch.symbols[next...next], local: none[next...next])
        }
        return decoder.symbolCount
    }

    @Test("The mean number of symbols for each difference is within 5 % of the published one", arguments: published)
    func overhead(differences: Int, published: Double, seedCount: UInt64) {
        var sum = 0
        for seed in 0..<seedCount { sum += neededSymbols(differences: differences, seed: seed) }
        let mean = Double(sum) / Double(seedCount) / Double(differences)
        #expect(abs(mean / published - 1) < 0.05, "mean \(mean), published \(published)")
        print("\(differences) differences: \(mean) symbols each, published \(published)")
    }

    @Test(
        "The estimate of the difference is unbiased within 5 %, and its error is near sqrt(2 / symbols)",
        arguments: [20, 200, 2_000], [16, 64])
    func estimate(differences: Int, symbolCount: Int) {
        var sum = 0.0
        var squares = 0.0
        let seedCount = 400
        for seed in 0..<UInt64(seedCount) {
            let sets = TwoSets(common: 0, differences: differences, seed: seed)
            let (remote, local) = sets.sketches(symbolCount: symbolCount)
            var decoder = SketchDecoder()
            decoder.append(remote: remote.symbols[...], local: local.symbols[...])
            let error = Double(decoder.estimatedDifference) / Double(differences) - 1
            sum += error
            squares += error * error
        }
        let bias = sum / Double(seedCount)
        let deviation = (squares / Double(seedCount)).squareRoot()
        // The estimate is never below what was found or what the counts differ by, so small ones lean upwards.
        #expect(abs(bias) < (differences < 2 * symbolCount ? 0.25 : 0.05), "bias \(bias)")
        #expect(deviation < 1.6 * (2 / Double(symbolCount)).squareRoot(), "deviation \(deviation)")
    }

    @Test("An item takes part in symbol i with the probability 1 / (1 + i / 2)")
    func mapping() {
        var random = SplitMix64(seed: 1)
        var counts = [Int](repeating: 0, count: 100)
        let itemCount = 40_000
        for _ in 0..<itemCount {
            var indices = SymbolIndices(itemID: random.next())
            while indices.current < counts.count {
                counts[indices.current] += 1
                indices.advance()
            }
        }
        for index in [0, 1, 2, 5, 10, 30, 99] {
            let share = Double(counts[index]) / Double(itemCount)
            #expect(abs(share * (1 + Double(index) / 2) - 1) < 0.06, "symbol \(index): \(share)")
        }
    }
}
