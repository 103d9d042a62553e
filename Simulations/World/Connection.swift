// One connection of the simulated world: two ends, bytes in order, and an account of what was sent.
package import Gossip
import NIOCore
package import Replica

/// What travels over a connection.
enum Parcel {
    /// One encoded message.
    case message(ByteBuffer)
    /// The other end has closed.
    case end(detail: String)
}

/// A connection between two members. Messages arrive whole, once and in order, or not at all.
package final class Connection {
    /// One end, and what goes out from it.
    package final class End {
        package let member: Member
        package let incarnation: Int
        package let link: LinkID
        package var isClosed = false
        /// When the last message to this end arrives, in nanoseconds.
        var lastArrival: Int64 = 0
        /// What this end sent while the way was blocked; it arrives when the way is free again.
        var held: [Parcel] = []
        /// How many more bytes go out from this end before the connection is torn; nil for no limit.
        var tornAfterByteCount: Int?
        /// Entries and symbols sent and not yet granted again, in bytes.
        package var outstanding = 0
        package var outstandingMax = 0
        package var byteCount = 0
        package var reconciliationByteCount = 0
        /// Only while the world keeps accounts.
        package var messageCounts: [String: Int] = [:]
        package var sentEntries: [Digest: Int] = [:]

        init(_ member: Member, _ link: LinkID) {
            self.member = member
            incarnation = member.incarnation
            self.link = link
        }
    }

    /// In the order in which connections were made.
    let number: Int
    /// The dialling end, then the accepting one.
    package let ends: [End]
    /// Nothing arrives any more, and nobody is told.
    package var isSilent = false
    /// The network broke it.
    var isSevered = false
    /// It was torn within a message.
    var isTorn = false
    /// Somebody with another certificate sits in between.
    let isIntercepted: Bool

    init(number: Int, dialler: (Member, LinkID), acceptor: (Member, LinkID), isIntercepted: Bool) {
        self.number = number
        self.isIntercepted = isIntercepted
        ends = [End(dialler.0, dialler.1), End(acceptor.0, acceptor.1)]
    }

    package func joins(_ first: Member, _ second: Member) -> Bool {
        ends[0].member === first && ends[1].member === second || ends[0].member === second && ends[1].member === first
    }

    package var isOpen: Bool { !ends[0].isClosed && !ends[1].isClosed }

    /// All payload of reconciliation, both ways.
    package var reconciliationByteCount: Int { ends[0].reconciliationByteCount + ends[1].reconciliationByteCount }

    /// Keeps account of a message sent, and returns what rule it breaks, if any.
    func account(_ message: Message, byteCount: Int, from end: Int, keepsAccounts: Bool) -> String? {
        let sender = ends[end]
        sender.byteCount += byteCount
        sender.member.byteCountSent += byteCount
        if message.isReconciliation { sender.reconciliationByteCount += byteCount }
        if keepsAccounts {
            sender.messageCounts[message.name, default: 0] += 1
            if case .entries(let entries) = message {
                for entry in entries.batch.entries { sender.sentEntries[entry.digest, default: 0] += 1 }
            }
        }
        let cost = message.creditCost
        guard cost > 0 else { return nil }
        let window = ends[1 - end].member.settings.creditWindow
        let before = sender.outstanding
        sender.outstanding += cost
        sender.outstandingMax = max(sender.outstandingMax, sender.outstanding)
        // Symbols need not wait for credit: how many a round asks for has a limit of its own.
        guard case .entries = message, before >= window else { return nil }
        return "\(sender.member.name) sent \(cost) bytes of entries with \(before) of \(window) under way"
    }
}

extension Message {
    /// The case's name.
    package var name: String {
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
