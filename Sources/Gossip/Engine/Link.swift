// The state of one link, as the engine sees it.
import OrderedCollections
import Replica
import Trust

/// Which end opened the connection.
package enum LinkRole: UInt8, Sendable {
    case dialler = 0x44
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
    case open
    /// Bye sent or received.
    case closing
}

struct Link: Sendable {
    let id: LinkID
    let role: LinkRole
    /// What hardly changes after the beginning; behind one reference, because links are copied often.
    private var settled: Shared<Settled>
    var phase: LinkPhase
    var since: Moment
    var deadline: Duration?

    // Keys
    var proven: [KeyID] = []
    var peerKeyIDs: [KeyID] = []
    var challenge: (number: UInt32, nonce: [UInt8])?
    var challengeCount: UInt32 = 0
    var challengeDeadline: Duration?
    var closeReason: CloseReason?
    var closeDetail = ""

    // Liveness and clock
    var lastHeard: Duration
    var ping: (token: UInt64, uptime: Duration, wall: WallTime)?
    var nextPing: Duration
    var roundTrip: Duration?
    var clockOffsetMilliseconds: Int64?
    var skewReported = false

    // Data
    /// What may still be sent, in bytes; below zero after a message larger than the rest.
    var credit = 0
    var creditToReturn = 0
    /// What the peer may still send, in bytes.
    var peerCredit = 0
    /// Nil when nothing waits.
    private var waiting: Shared<Outbox>?
    private var refused: Shared<OrderedDictionary<Key, LeftOut>>?
    var refusedCount = 0
    var reconciliationRests = false
    /// A round has to begin as soon as the link can be written: changes for it were dropped, or the peer asks for it.
    var wantsRound = false

    // Reconciliation
    var round: Round?
    var roundDue: Duration?
    var supply: Supply?
    var feeder: Feeder?
    var pull: Pull?
    var failedRoundCount = 0
    var lastRound: RoundStatistics?
    /// Which way the last stream went that this end began: towards it, or away from it.
    var lastStreamWasPull = false

    /// For people: the URL dialled, or the peer's address.
    var address: String { settled.value.address }
    /// The target that this link was dialled for.
    var targetURL: String? { settled.value.targetURL }
    /// SHA-256 of the certificate served on this connection; nil behind a proxy that ends TLS.
    var certificateHash: [UInt8]? {
        get { settled.value.certificateHash }
        set { settled = settled.changed { $0.certificateHash = newValue } }
    }
    var localHello: Hello? {
        get { settled.value.localHello }
        set { settled = settled.changed { $0.localHello = newValue } }
    }
    var peerHello: Hello? {
        get { settled.value.peerHello }
        set { settled = settled.changed { $0.peerHello = newValue } }
    }
    var transcript: [UInt8] {
        get { settled.value.transcript }
        set { settled = settled.changed { $0.transcript = newValue } }
    }
    var peerServerID: String? { settled.value.peerHello?.serverID }

    /// Live changes that wait for credit.
    var outbox: Outbox {
        get { waiting?.value ?? Outbox() }
        set { waiting = newValue.isEmpty ? nil : Shared(newValue) }
    }
    var hasOutbox: Bool { waiting != nil }

    /// Keys left out of reconciliation.
    var leftOut: OrderedDictionary<Key, LeftOut> {
        get { refused?.value ?? [:] }
        set { refused = newValue.isEmpty ? nil : Shared(newValue) }
    }
    var hasLeftOut: Bool { refused != nil }

    /// Who dialled: the lower server id's link survives of two.
    func dialler(own: String) -> String? { role == .dialler ? own : peerServerID }

    init(id: LinkID, role: LinkRole, address: String, targetURL: String?, phase: LinkPhase, now: Moment) {
        self.id = id
        self.role = role
        settled = Shared(Settled(address: address, targetURL: targetURL))
        self.phase = phase
        since = now
        lastHeard = now.uptime
        nextPing = now.uptime
    }
}

/// What is known of a link once its handshake is over.
private struct Settled: Sendable {
    let address: String
    let targetURL: String?
    var certificateHash: [UInt8]?
    var localHello: Hello?
    var peerHello: Hello?
    var transcript: [UInt8] = []
}

/// A value behind a reference; copies share it.
private final class Shared<Value: Sendable>: Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }

    func changed(_ change: (inout Value) -> Void) -> Shared {
        var copy = value
        change(&copy)
        return Shared(copy)
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
