// The state of one link, as the engine sees it.
import OrderedCollections
import Replica
import Trust

/// Which end opened the connection.
package enum LinkRole: UInt8, Sendable {
    /// It opened the connection, and begins the rounds. The number is the letter D, which proofs are made over.
    case dialler = 0x44
    /// It was connected to. The number is the letter A.
    case acceptor = 0x41

    var other: LinkRole { self == .dialler ? .acceptor : .dialler }
}

/// How far a link has come.
package enum LinkPhase: String, Sendable {
    /// Connecting.
    case dialling
    /// Hello sent, none received.
    case greeting
    /// Another link to the same server id has to show first whether it is alive.
    case contending
    /// Proof sent, none received.
    case proving
    /// Both ends have proven a key: entries are exchanged.
    case open
    /// Bye sent or received.
    case closing
}

/// A reference, because every message changes several fields; the engine alone holds it.
final class Link {
    let id: LinkID
    let role: LinkRole
    /// For people: the URL dialled, or the peer's address.
    let address: String
    /// The target that this link was dialled for.
    let targetURL: String?
    /// SHA-256 of the certificate served on this connection; nil behind a proxy that ends TLS.
    var certificateHash: [UInt8]?
    var localHello: Hello?
    var peerHello: Hello?
    var transcript: [UInt8] = []
    var phase: LinkPhase { didSet { forgetDue() } }
    var since: Moment { didSet { forgetDue() } }
    var deadline: Duration? { didSet { forgetDue() } }

    // Keys
    var proven: [KeyID] = []
    var peerKeyIDs: [KeyID] = []
    var challenge: (number: UInt32, nonce: [UInt8])?
    var challengeCount: UInt32 = 0
    var challengeDeadline: Duration? { didSet { forgetDue() } }
    var closeReason: CloseReason?
    var closeDetail = ""

    // Liveness and clock
    var lastHeard: Duration
    var ping: (token: UInt64, uptime: Duration, wall: WallTime)?
    var nextPing: Duration { didSet { forgetDue() } }
    var roundTrip: Duration?
    var clockOffsetMilliseconds: Int64?
    var skewReported = false

    // Data
    /// What may still be sent, in bytes; below zero after a message larger than the rest.
    var credit = 0
    var creditToReturn = 0
    /// What the peer may still send, in bytes.
    var peerCredit = 0
    /// Live changes that wait for credit.
    var outbox = Outbox()
    /// Keys left out of reconciliation.
    var leftOut: OrderedDictionary<Key, LeftOut> = [:]
    var refusedCount = 0
    var reconciliationRests = false
    /// A round has to begin as soon as the link can be written: changes for it were dropped, or the peer asks for it.
    var wantsRound = false

    // Reconciliation
    var round: Round? { didSet { forgetDue() } }
    var roundDue: Duration? { didSet { forgetDue() } }
    var supply: Supply?
    var feeder: Feeder?
    var pull: Pull?
    var failedRoundCount = 0
    var lastRound: RoundStatistics?
    /// Which way the last stream went that this end began: towards it, or away from it.
    var lastStreamWasPull = false

    private var agenda: Agenda?
    /// Nil when it has to be found out anew; nil within when nothing is due.
    private var knownDue: Duration??

    init(id: LinkID, role: LinkRole, address: String, targetURL: String?, phase: LinkPhase, now: Moment) {
        self.id = id
        self.role = role
        self.address = address
        self.targetURL = targetURL
        self.phase = phase
        since = now
        lastHeard = now.uptime
        nextPing = now.uptime
    }

    var peerServerID: ServerID? { peerHello?.serverID }

    /// The peer's server id, or its address as long as it has not said who it is.
    var peerName: String { peerServerID?.text ?? address }

    /// Who dialled: the lower server id's link survives of two.
    func dialler(own: ServerID) -> ServerID? { role == .dialler ? own : peerServerID }

    // MARK: When something is due

    func join(_ agenda: Agenda) {
        self.agenda = agenda
        agenda.earliest = nil
    }

    private func forgetDue() {
        knownDue = nil
        agenda?.earliest = nil
    }

    /// When something about this link is due, or earlier: that the peer was heard only puts it off, so that is not
    /// reckoned with every message.
    func due(_ settings: EngineSettings) -> Duration? {
        if let knownDue { return knownDue }
        let due = reckonedDue(settings)
        knownDue = .some(due)
        return due
    }

    /// Whether something is due.
    func isDue(at uptime: Duration, _ settings: EngineSettings) -> Bool {
        guard let early = due(settings), early <= uptime else { return false }
        forgetDue()
        return due(settings).map { $0 <= uptime } ?? false
    }

    private func reckonedDue(_ settings: EngineSettings) -> Duration? {
        var earliest = deadline
        @inline(__always) func consider(_ candidate: Duration?) {
            guard let candidate else { return }
            earliest = earliest.map { min($0, candidate) } ?? candidate
        }
        if phase == .contending { consider(since.uptime + settings.contentionWait) }
        guard phase == .open else { return earliest }
        consider(nextPing)
        consider(challengeDeadline)
        consider(roundDue)
        consider(lastHeard + settings.silenceLimit)
        if let round { consider(round.lastProgress + settings.roundStallLimit) }
        return earliest
    }
}

/// Until when a key is left out of reconciliation on a link, because one end refused the other's entry.
struct LeftOut: Sendable {
    /// By this member's uptime, for the two wall clocks may differ.
    let lapses: Duration
}

/// Live changes that wait for credit, the newest for each key.
struct Outbox: Sendable {
    private(set) var entries: OrderedDictionary<[UInt8], [UInt8]> = [:]
    private(set) var byteCount = 0

    var isEmpty: Bool { entries.isEmpty }

    mutating func put(key: [UInt8], encoded: [UInt8]) {
        if let replaced = entries.updateValue(encoded, forKey: key) { byteCount -= replaced.count + key.count }
        byteCount += encoded.count + key.count
    }

    /// Takes entries from the front, up to a number of bytes and at least one.
    mutating func take(byteCountMax: Int) -> EntryBatch {
        var batch = EntryBatch()
        var taken = 0
        for (key, encoded) in entries {
            guard batch.isEmpty || batch.byteCount + encoded.count <= byteCountMax else { break }
            unsafe batch.append(encoded: encoded.span.bytes)
            byteCount -= encoded.count + key.count
            taken += 1
        }
        entries.removeFirst(taken)
        return batch
    }
}
