// The state of one round of reconciliation, and how many symbols to ask for next.
import Replica

/// One round on one link. The dialling end initiates and decodes, the other one serves symbols.
package struct Round: Sendable {
    enum Stage: Sendable {
        case freezing
        case awaitingSummary
        /// Symbols up to this one were asked for.
        case awaitingSymbols(end: Int)
        /// Both ends make symbols anew.
        case scanning(end: Int)
        case exchanging
        case awaitingStream
        /// The responder's side.
        case serving
    }

    let id: UInt32
    let isInitiator: Bool
    /// Whether audit entries are compared too: both ends count them then, or neither does.
    let withAudit: Bool
    let started: Duration
    var stage = Stage.freezing
    var lastProgress: Duration
    var own: MapSummary?
    var peer: Summary?
    var decoder = SketchDecoder()
    /// Symbols received while this end's own are still being made.
    var early: [CodedSymbol] = []
    var wantCount = 0
    var isResolving = false
    var statistics = RoundStatistics()

    /// How many symbols the responder sends unasked, with its summary: enough for a few differences.
    package static let firstSymbolCount = 16

    init(id: UInt32, isInitiator: Bool, withAudit: Bool, at uptime: Duration) {
        self.id = id
        self.isInitiator = isInitiator
        self.withAudit = withAudit
        started = uptime
        lastProgress = uptime
    }
}

/// What to do after a burst of symbols that was not enough.
package enum NextBurst: Equatable {
    /// Further symbols of those that both ends keep, up to but not including this one.
    case more(end: Int)
    /// Symbols from 0 on, made anew by both ends.
    case fresh(end: Int)
    /// No symbols: the whole map, in key order.
    case stream

    /// Enough symbols to know a difference to within some six percent.
    private static let refinedSymbolCount = 512

    /// Sizes the next burst from the estimate so far. An estimate from few symbols is uncertain, so it gets a wide
    /// margin: a symbol too many costs 14 bytes, one too few costs a round trip.
    package static func after(symbolCount: Int, estimate: Int, ownCount: Int, peerCount: Int) -> NextBurst {
        let margin = symbolCount < 64 ? 2.0 : symbolCount < 512 ? 1.35 : 1.15
        let likely = Double(max(estimate, 8)) * 1.45
        // An estimate that is far too low must not cost one round trip after the other.
        let growth = symbolCount < 512 ? max(2 * Round.firstSymbolCount, symbolCount) : symbolCount / 2
        var end = max(Int(likely * margin), symbolCount + growth)
        // Symbols that are there already will very likely do: no scan for the sake of the margin.
        if end > Sketch.keptSymbolCount, likely <= Double(Sketch.keptSymbolCount), symbolCount < Sketch.keptSymbolCount
        {
            end = Sketch.keptSymbolCount
        }
        // Where the margin alone would cost more than a round trip, a better estimate comes first.
        if end > refinedSymbolCount * 16, symbolCount < refinedSymbolCount {
            return .more(end: refinedSymbolCount)
        }
        if StreamRule.prefersStream(estimate: estimate, ownCount: ownCount, peerCount: peerCount) { return .stream }
        if end <= Sketch.keptSymbolCount { return .more(end: end) }
        return end <= Sketch.symbolCountMax ? .fresh(end: end) : .stream
    }
}

/// When sending everything in key order is cheaper than finding what differs.
enum StreamRule {
    /// A difference costs some 32 bytes to find, a common entry some 128 bytes to send needlessly.
    static func prefersStream(estimate: Int, ownCount: Int, peerCount: Int) -> Bool {
        if ownCount == 0 || peerCount == 0 { return true }
        let common = max(0, (ownCount + peerCount - estimate) / 2)
        return common < estimate / 4 && estimate > 1_000
    }

    /// Whether the counts alone say that more differs than symbols can tell.
    static func mustStream(ownCount: Int, peerCount: Int) -> Bool {
        ownCount == 0 || peerCount == 0 || abs(ownCount - peerCount) > Sketch.symbolCountMax / 2
    }
}

/// Entries that one end owes the other in a round, found and read bit by bit as credit allows.
struct Supply: Sendable {
    let round: UInt32
    var keys: ArraySlice<Key> = []
    var isReading = false
    /// How many answers to `want` end when the keys are all sent.
    var endsOwed = 0
    var resolvesPending = 0

    /// How many keys are asked of the store at once.
    static let keyCountMax = 1_024

    var isIdle: Bool { keys.isEmpty && !isReading && resolvesPending == 0 }
}

/// This end streams its whole map to the peer.
struct Feeder: Sendable {
    let round: UInt32
    var after: [UInt8]
    var isReading = false
}

/// The peer streams its whole map to this end.
struct Pull: Sendable {
    let round: UInt32
    let started: Duration
    var lastProgress: Duration
    var entryCount = 0
    /// How many entries the peer has, by its summary.
    let entryCountMax: UInt64
    var lastReported: Duration
}
