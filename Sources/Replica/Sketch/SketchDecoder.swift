// Finds the difference of two sets from their coded symbols.
//
// Source: Yang, Gilad, Alizadeh, "Practical Rateless Set Reconciliation", SIGCOMM 2024: peeling. A symbol with one
// item left names it; the item is taken out of every symbol it takes part in, which may leave others with one.
// Departure: the size of the difference is estimated from the counts alone (see `estimatedDifference`), so that
// symbols can be asked for in few, well-sized bursts.

/// Takes coded symbols in order and gives the difference once there are enough of them.
package struct SketchDecoder: Sendable {
    /// Items of the remote set that the local one lacks.
    package var remoteOnly: [UInt64] { found.filter { $0.sign > 0 }.map(\.itemID) }
    /// Items of the local set that the remote one lacks.
    package var localOnly: [UInt64] { found.filter { $0.sign < 0 }.map(\.itemID) }
    /// The number of items found so far.
    package var foundCount: Int { found.count }
    /// The number of symbols taken so far.
    package var symbolCount: Int { symbols.count }

    private struct Found {
        let itemID: UInt64
        let sign: Int32
        /// Where the item takes part next among symbols not yet taken.
        var indices: SymbolIndices
    }

    private var symbols: [CodedSymbol] = []
    private var found: [Found] = []
    private var pure: [Int] = []
    private var nonzeroCount = 0
    /// Sum over symbols of the squared deviation of their count, in units of one difference.
    private var deviation = 0.0
    private var signedDifference: Int32 = 0
    private var inconsistent = false

    /// Has no symbols yet, and so is not complete.
    package init() {}

    /// Whether the whole difference was found: everything has been peeled away.
    package var isComplete: Bool { !inconsistent && !symbols.isEmpty && nonzeroCount == 0 }

    /// Whether the symbols contradict each other, so that more of them will not help.
    package var isInconsistent: Bool { inconsistent }

    /// An estimate of the size of the symmetric difference.
    ///
    /// Every difference takes part in symbol i with probability p_i, adding 1 or -1 to its count. So the count
    /// deviates from `p_i * (first count)` with variance `d * p_i * (1 - p_i)`, and the mean of the squared
    /// deviations, so scaled, is an unbiased estimate of d with a relative error of sqrt(2 / symbols).
    package var estimatedDifference: Int {
        guard symbolCount > 1 else { return Int(signedDifference.magnitude) }
        let estimate = deviation / Double(min(symbolCount, SymbolIndices.knownProbabilityCount) - 1)
        // A peer may send counts that add up to anything; a number of entries has 32 bits.
        return max(Int(min(estimate.rounded(.up), Double(UInt32.max))), Int(signedDifference.magnitude), found.count)
    }

    /// Takes the next symbols of both sets: `remote[k] - local[k]` is symbol `symbolCount + k` of the difference.
    package mutating func append(remote: ArraySlice<CodedSymbol>, local: ArraySlice<CodedSymbol>) {
        let start = symbols.count
        for (remote, local) in zip(remote, local) {
            let symbol = remote - local
            observe(symbol, at: symbols.count)
            symbols.append(symbol)
            if !symbol.isZero { nonzeroCount += 1 }
        }
        for position in found.indices { peel(foundAt: position) }
        for index in start..<symbols.count where isPure(index) { pure.append(index) }
        peelAll()
    }

    private mutating func observe(_ symbol: CodedSymbol, at index: Int) {
        if index == 0 {
            signedDifference = symbol.count
        } else if index < SymbolIndices.knownProbabilityCount {
            let probability = SymbolIndices.probability(at: index)
            let excess = Double(symbol.count) - Double(signedDifference) * probability
            deviation += excess * excess / (probability * (1 - probability))
        }
    }

    private mutating func peelAll() {
        while let index = pure.popLast() {
            guard isPure(index) else { continue }
            let symbol = symbols[index]
            // A sound decoding cannot find more items than this; a corrupt one could go round in circles.
            guard found.count <= 2 * symbols.count + 16 else {
                inconsistent = true
                return
            }
            let itemID = symbol.itemIDs
            found.append(Found(itemID: itemID, sign: symbol.count, indices: SymbolIndices(itemID: itemID)))
            peel(foundAt: found.count - 1)
        }
    }

    /// Takes a found item out of the symbols from where it got to, up to the last one.
    private mutating func peel(foundAt position: Int) {
        let itemID = found[position].itemID
        let check = CodedSymbol.check(itemID)
        let sign = found[position].sign
        var indices = found[position].indices
        while indices.current < symbols.count {
            let index = indices.current
            let wasZero = symbols[index].isZero
            symbols[index].apply(itemID, check: check, -sign)
            let isZero = symbols[index].isZero
            if wasZero != isZero { nonzeroCount += isZero ? -1 : 1 }
            if isPure(index) { pure.append(index) }
            indices.advance()
        }
        found[position].indices = indices
    }

    /// Whether exactly one item is left, as its count and its check say.
    private func isPure(_ index: Int) -> Bool {
        let symbol = symbols[index]
        return (symbol.count == 1 || symbol.count == -1)
            && symbol.itemChecks == CodedSymbol.check(symbol.itemIDs)
    }
}
