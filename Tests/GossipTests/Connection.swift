// One connection of the virtual world: two ends, bytes in order, and an account of what was sent.
import Gossip
import NIOCore
import Replica

final class Connection {
    /// One end, and what goes out from it.
    struct End {
        let member: Member
        let incarnation: Int
        let link: LinkID
        var isClosed = false
        var lastArrival: Duration = .zero
        /// Entries and symbols sent and not yet granted again.
        var outstanding = 0
        var outstandingMax = 0
        var byteCount = 0
        var reconciliationByteCount = 0
        var messageCounts: [String: Int] = [:]
        var sentEntries: [Digest: Int] = [:]
    }

    /// The dialling end, then the accepting one.
    var ends: [End]
    /// Nothing arrives any more, and nobody is told.
    var isSilent = false
    let latency: Duration

    init(dialler: (Member, LinkID), acceptor: (Member, LinkID), latency: Duration) {
        ends = [dialler, acceptor].map { End(member: $0.0, incarnation: $0.0.incarnation, link: $0.1) }
        self.latency = latency
    }

    func joins(_ first: String, _ second: String) -> Bool {
        Set([first, second]) == Set(ends.map(\.member.name))
    }

    var isOpen: Bool { ends.allSatisfy { !$0.isClosed } }

    /// All payload of reconciliation, both ways.
    var reconciliationByteCount: Int { ends.reduce(0) { $0 + $1.reconciliationByteCount } }

    func account(_ message: Message, byteCount: Int, from end: Int, window: Int) -> String? {
        ends[end].byteCount += byteCount
        ends[end].messageCounts[message.name, default: 0] += 1
        if message.isReconciliation { ends[end].reconciliationByteCount += byteCount }
        if case .entries(let entries) = message, ends[end].member.world.logsEntries {
            for entry in entries.batch.entries { ends[end].sentEntries[entry.digest, default: 0] += 1 }
        }
        guard message.creditCost > 0 else { return nil }
        let before = ends[end].outstanding
        ends[end].outstanding += message.creditCost
        ends[end].outstandingMax = max(ends[end].outstandingMax, ends[end].outstanding)
        return before >= window
            ? "\(ends[end].member.name) sent \(message.creditCost) bytes with \(before) of \(window) under way" : nil
    }
}

extension Message {
    var name: String {
        switch self {
        case .hello: "hello"
        case .proof: "proof"
        case .challenge: "challenge"
        case .summary: "summary"
        case .symbolRequest: "symbolRequest"
        case .symbols: "symbols"
        case .want: "want"
        case .entries: "entries"
        case .streamRequest: "streamRequest"
        case .streamOffer: "streamOffer"
        case .roundEnd: "roundEnd"
        case .nudge: "nudge"
        case .refused: "refused"
        case .credit: "credit"
        case .ping: "ping"
        case .pong: "pong"
        case .bye: "bye"
        }
    }

    /// Whether the message belongs to finding out what differs.
    var isReconciliation: Bool {
        switch self {
        case .summary, .symbolRequest, .symbols, .want, .streamRequest, .streamOffer, .roundEnd, .nudge: true
        case .hello, .proof, .challenge, .entries, .refused, .credit, .ping, .pong, .bye: false
        }
    }
}
