// The first coded symbols of a set: kept up to date with every write, or made by a scan.

/// One coded symbol: what the items that take part in it add up to.
package struct CodedSymbol: Hashable, Sendable {
    /// XOR of the item ids.
    package var itemIDs: UInt64
    /// XOR of the checks of the item ids.
    package var itemChecks: UInt32
    /// The number of items; negative where more were taken away than put in.
    package var count: Int32

    /// Of sums that came over a link; without any, that of no items.
    package init(itemIDs: UInt64 = 0, itemChecks: UInt32 = 0, count: Int32 = 0) {
        self.itemIDs = itemIDs
        self.itemChecks = itemChecks
        self.count = count
    }

    /// Whether all sums are zero: in a difference of sets, most likely that no item is left in it.
    package var isZero: Bool { itemIDs == 0 && itemChecks == 0 && count == 0 }

    @inline(__always)
    mutating func apply(_ itemID: UInt64, check: UInt32, _ sign: Int32) {
        itemIDs ^= itemID
        itemChecks ^= check
        count &+= sign
    }

    /// The check of an item id: 32 bits that do not add up the way ids do, so that a sum of several ids hardly ever
    /// looks like one. This is the finalizer of MurmurHash3, its upper half.
    @inline(__always)
    package static func check(_ itemID: UInt64) -> UInt32 {
        var mixed = itemID
        mixed = (mixed ^ (mixed >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        mixed = (mixed ^ (mixed >> 33)) &* 0xC4CE_B9FE_1A85_EC53
        return UInt32(truncatingIfNeeded: (mixed ^ (mixed >> 33)) >> 32)
    }

    /// Symbol by symbol, the sketch of a difference of sets is the difference of their sketches.
    package static func - (left: CodedSymbol, right: CodedSymbol) -> CodedSymbol {
        CodedSymbol(
            itemIDs: left.itemIDs ^ right.itemIDs, itemChecks: left.itemChecks ^ right.itemChecks,
            count: left.count &- right.count)
    }
}

/// The first coded symbols of a set of items.
///
/// 16 bytes a symbol in memory. Adding or removing an item touches about `2 ln(symbolCount)` symbols.
package struct Sketch: Sendable {
    /// From the first on. Every item is in the first one.
    package private(set) var symbols: [CodedSymbol]

    /// How many symbols a member keeps up to date with every write: enough for some 700 differences.
    package static let keptSymbolCount = 1_024

    /// The most symbols that are ever made for one reconciliation: 4 MiB of them, enough for some 190,000 differences.
    package static let symbolCountMax = 1 << 18

    /// That of an empty set.
    package init(symbolCount: Int) {
        symbols = Array(repeating: CodedSymbol(), count: symbolCount)
    }

    /// The first symbols alone.
    package func prefix(_ symbolCount: Int) -> Sketch {
        var sketch = self
        if symbolCount < symbols.count { sketch.symbols.removeLast(symbols.count - symbolCount) }
        return sketch
    }

    /// Puts an item in. One that is in already counts twice, and no decoder finds it then.
    package mutating func add(_ itemID: UInt64) { apply(itemID, 1) }
    /// Takes an item out that is in; whether it is cannot be known here.
    package mutating func remove(_ itemID: UInt64) { apply(itemID, -1) }

    /// Takes all items of another set out, which are in; its sketch has at least as many symbols.
    package mutating func remove(_ others: Sketch) {
        for index in symbols.indices { symbols[index] = symbols[index] - others.symbols[index] }
    }

    @inline(__always)
    private mutating func apply(_ itemID: UInt64, _ sign: Int32) {
        var indices = SymbolIndices(itemID: itemID)
        let check = CodedSymbol.check(itemID)
        let end = symbols.count
        while indices.current < end {
            symbols[indices.current].apply(itemID, check: check, sign)
            indices.advance()
        }
    }
}

/// What a member knows of its whole map at one committed state: enough to tell whether two maps are equal, and to
/// find what differs.
package struct MapSummary: Sendable {
    /// Entries, tombstones and expired ones included.
    package private(set) var count: Int
    /// Equal where the maps are equal.
    package private(set) var fingerprint: Fingerprint
    /// Of the item ids of all entries.
    package private(set) var sketch: Sketch

    /// That of an empty map.
    package init(symbolCount: Int = Sketch.keptSymbolCount) {
        count = 0
        fingerprint = Fingerprint()
        sketch = Sketch(symbolCount: symbolCount)
    }

    /// Puts an entry in that the map did not have, at the cost of `Sketch.add`.
    @inline(__always)
    package mutating func add(_ digest: Digest) {
        count += 1
        fingerprint.add(digest)
        sketch.add(digest.itemID)
    }

    /// Takes an entry out that the map had, at the cost of `Sketch.remove`.
    @inline(__always)
    package mutating func remove(_ digest: Digest) {
        count -= 1
        fingerprint.remove(digest)
        sketch.remove(digest.itemID)
    }

    /// The same map with fewer symbols.
    package func prefix(symbolCount: Int) -> MapSummary {
        var summary = self
        summary.sketch = sketch.prefix(symbolCount)
        return summary
    }

    /// The same map without a part of it, whose sketch has at least as many symbols.
    package func removing(_ part: MapSummary) -> MapSummary {
        guard part.count > 0 else { return self }
        var summary = self
        summary.count -= part.count
        summary.fingerprint.remove(part.fingerprint)
        summary.sketch.remove(part.sketch)
        return summary
    }

    /// The same map without some entries.
    package func removing(_ digests: some Sequence<Digest>) -> MapSummary {
        var summary = self
        for digest in digests { summary.remove(digest) }
        // The summary and the digests to take out of it may come from states a moment apart.
        summary.count = max(0, summary.count)
        return summary
    }
}
