// The gossip protocol of one member as a value: inputs are methods, outputs are effects.
//
// It does no I/O and reads no clock; time comes in with every input and random numbers from the generator given at the
// start, so the same inputs give the same effects. docs/protocol.md has the messages byte by byte; what follows is how
// the parts fit together.
//
// A *link* joins two members for as long as one connection lasts. Its *dialler* opened it and is the only one that
// begins rounds; the *acceptor* asks for one with a nudge. `Dialling` says which access points are dialled and when,
// `Handshake` how a connection becomes an open link, `Keys` what proves that both ends may have it, also later when
// keys change, and `Closing` how it ends.
//
// The map itself is not in here. What the engine needs of it, it asks for by an effect, and the answer comes in as an
// input that may be late: the link may be gone by then, and the map another one.
//
// Entries travel in three ways, which all may carry the same entry, for a merge is idempotent:
//
// - `LiveChanges`: each committed change goes to every open link but the one it came from. It is quick, and nothing
//   depends on it: an outbox that grows too long is dropped and a round is begun instead.
// - `Rounds`: the two ends compare sketches of their maps and exchange what differs, at a cost set by the difference.
//   This is what makes maps equal. `Supplying` sends what was found.
// - `Streams`: the whole map in the order of its keys, where so much differs that symbols would cost more. A stream
//   that broke goes on on the next link to that member.
//
// What must hold:
//
// - Of all open links between two processes one stays, and both ends choose the same one without asking each other.
// - A link has at most one round, and none begins while a stream goes over it; live changes go on during both.
// - No end sends entries for which it has no credit, beyond one message. Credit comes back once entries are committed,
//   or could not be.
// - An entry that one end refuses is left out of both ends' sketches for a while, or rounds would find it for ever.
// - Every wait has an end: whoever is silent is asked, and then given up (`Timers`).
//
// Departure from the source named in `Rounds`: symbols are asked for in bursts, not sent until somebody says stop.
package import Engines
import OrderedCollections
package import Replica
package import Trust

/// Names one link for as long as the process lives.
package struct LinkID: Hashable, Comparable, Sendable {
    /// Numbers begin with 1 and are never used twice.
    package let raw: UInt64
    /// Only the engine makes new ones; others name one that they were given.
    package init(raw: UInt64) { self.raw = raw }
    /// In the order in which the links came to be.
    package static func < (left: LinkID, right: LinkID) -> Bool { left.raw < right.raw }
}

/// The time of an input, by both clocks of the host.
package struct Moment: Sendable {
    /// Since some fixed moment; never steps back.
    package var uptime: Duration
    /// By the host's wall clock, which may be set at any time.
    package var wall: WallTime

    /// Both clocks, read together.
    package init(uptime: Duration, wall: WallTime) {
        self.uptime = uptime
        self.wall = wall
    }
}

/// Who this member is.
package struct MemberIdentity: Sendable, Equatable {
    /// What peers know it by.
    package var serverID: ServerID
    /// That of this process: tells it from a clone, and from what it was before a restart.
    package var origin: Origin
    /// Whether it opens no connections to others; peers are only told.
    package var isExternal: Bool
    /// Whether it knows audit entries; false only of a simulated member of an earlier version.
    package var knowsAudit = true
    /// Program and version, for people; peers are told the first 64 bytes.
    package var software: String

    /// A member that opens connections, unless it is said.
    package init(serverID: ServerID, origin: Origin, isExternal: Bool = false, software: String) {
        self.serverID = serverID
        self.origin = origin
        self.isExternal = isExternal
        self.software = software
    }
}

/// The protocol of one member. There is one engine for each, so it cannot be copied.
package struct GossipEngine: Engine, ~Copyable {
    /// What it asks for is the business of more than this type, and has a file of its own.
    package typealias Effect = Gossip.Effect
    /// Inputs need both clocks: a lease ends by the wall's.
    package typealias Time = Moment

    /// As it was set last: what links that begin now tell the peer.
    package internal(set) var identity: MemberIdentity
    /// Fixed at the start, except for what has a setter here.
    package private(set) var settings: EngineSettings
    /// The cluster keys that prove it now; changed by `setKeyRing`.
    package internal(set) var keyRing: KeyRing

    var now: Moment { didSet { noteOwnClockStep(since: oldValue) } }
    var links = LinkTable()
    var targets: OrderedDictionary<String, Target> = [:] { didSet { knownNextDial = nil } }
    /// When an access point is dialled next. Nil when that has to be found out anew; nil within when none waits.
    var knownNextDial: Duration??
    var effects: [Effect] = []
    /// How far streams from each peer got, so that a new link goes on there.
    var streamPositions: OrderedDictionary<ServerID, [UInt8]> = [:]
    var clockIsWrong = false
    /// Whether peers have been asked since this process began, or since its clock was last set.
    var clockIsJudged = false
    var isShutDown = false
    var random: any RandomNumberGenerator & Sendable
    private var lastLinkID: UInt64 = 0
    private var lastRound: UInt32 = 0

    /// An engine without access points and links.
    ///
    /// - Parameters:
    ///   - random: For nonces, tokens and the spread of waits; a seeded one makes a run repeatable.
    ///   - now: Is taken as the present until the first input.
    package init(
        identity: MemberIdentity, keyRing: KeyRing, settings: EngineSettings = EngineSettings(),
        random: any RandomNumberGenerator & Sendable, at now: Moment
    ) {
        self.identity = identity
        self.keyRing = keyRing
        self.settings = settings
        self.random = random
        self.now = now
    }

    /// Hands over the effects that the inputs since the last call asked for, in order, and takes the array given, which
    /// is empty, for the next ones: neither is allocated anew.
    package mutating func takeEffects(_ taken: inout [Effect]) { swap(&effects, &taken) }

    mutating func nextLinkID() -> LinkID {
        lastLinkID += 1
        return LinkID(raw: lastLinkID)
    }

    mutating func nextRound() -> UInt32 {
        lastRound &+= 1
        return lastRound
    }

    mutating func randomBytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    /// A duration between 50 % and 150 % of the one given.
    mutating func jittered(_ duration: Duration) -> Duration {
        duration * Double.random(in: 0.5...1.5, using: &random)
    }

    mutating func report(_ report: Report) { effects.append(.report(report)) }

    /// Sends a message over a link, charging its credit.
    mutating func send(_ message: Message, over id: LinkID) {
        if let link = links[id] { send(message, over: link) }
    }

    mutating func send(_ message: Message, over link: Link) {
        link.credit -= message.creditCost
        effects.append(.send(link.id, message))
    }

    // MARK: Configuration

    /// Whether most peers say that this member's clock is wrong. Durable writes are then refused.
    package var isClockWrong: Bool { clockIsWrong }

    /// For links that begin from now on; open ones go on under the old one.
    package mutating func setIdentity(_ identity: MemberIdentity) { self.identity = identity }

    /// The mean time between rounds; counts from the end of each link's next round on.
    package mutating func setReconcileInterval(_ interval: Duration) { settings.reconcileInterval = interval }

    /// Ends every link with a word to the peer, and dials no more.
    package mutating func shutDown(at moment: Moment) {
        now = moment
        isShutDown = true
        targets.removeAll()
        for id in links.keys { close(id, .shutdown, "this member is shutting down") }
    }
}
