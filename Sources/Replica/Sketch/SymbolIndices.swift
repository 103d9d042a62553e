// Which coded symbols an item takes part in.
//
// Source: Yang, Gilad, Alizadeh, "Practical Rateless Set Reconciliation", SIGCOMM 2024, section 4: an item is in
// symbol i with probability 1 / (1 + i/2), and the next index after i is drawn in constant time by inverting the
// distribution of the gap. Departure: the random numbers come from SplitMix64 seeded with the item's id.

/// The ascending indices of the coded symbols that one item takes part in, beginning with 0. They never end.
package struct SymbolIndices: Sendable {
    /// The index that the item takes part in next.
    package private(set) var current: Int
    private var state: UInt64

    /// At index 0.
    @inline(__always)
    package init(itemID: UInt64) {
        current = 0
        state = itemID
    }

    /// Moves to the next index. Stays at `Int.max / 2` once there.
    @inline(__always)
    package mutating func advance() {
        state &+= 0x9E37_79B9_7F4A_7C15
        var random = state
        random = (random ^ (random >> 30)) &* 0xBF58_476D_1CE4_E5B9
        random = (random ^ (random >> 27)) &* 0x94D0_49BB_1331_11EB
        random ^= random >> 31
        // 2^32 / sqrt(r + 1) is 1 / sqrt(u) for u uniform in (0, 1].
        let inverse = 4_294_967_296 / (Double(random) + 1).squareRoot()
        let gap = ((Double(current) + 1.5) * (inverse - 1)).rounded(.up)
        let next = Double(current) + max(gap, 1)
        current = next < Double(Int.max / 2) ? Int(next) : Int.max / 2
    }

    /// The probabilities that an item takes part in each of the first symbols.
    ///
    /// About 1 / (1 + i/2), but the estimate of a large difference needs them exactly: rounding gaps up to whole
    /// numbers makes them a little smaller. From i the gap is at most g with probability 1 - ((i + 1.5) / (i + 1.5 + g))^2.
    private static let probabilities: [Double] = {
        var probabilities = [1.0]
        for index in 1..<knownProbabilityCount {
            var sum = 0.0
            for (from, probability) in probabilities.enumerated() {
                let base = Double(from) + 1.5
                let gap = Double(index - from)
                let tail = base / (base + gap - 1)
                let rest = base / (base + gap)
                sum += probability * (tail * tail - rest * rest)
            }
            probabilities.append(sum)
        }
        return probabilities
    }()

    /// The probability that an item takes part in one of the first `knownProbabilityCount` symbols.
    package static func probability(at index: Int) -> Double { probabilities[index] }

    /// Symbols beyond these do not take part in estimates.
    package static let knownProbabilityCount = 512
}
