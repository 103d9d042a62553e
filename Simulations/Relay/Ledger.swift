// What users asked for and what came of it, and the rules that always hold.
import Relay
import SimulatedWorld

/// Judges everything that happens; written from what the relay promises, not from how it does it.
final class Ledger {
    private unowned let cluster: RelayCluster
    private(set) var faults: [String: Int] = [:]
    var dialledBack = 0
    var carried = 0
    private(set) var exchangeCount = 0
    private(set) var requestCount = 0
    private(set) var answeredCount = 0
    private(set) var displayCount = 0
    private(set) var wholeDisplayCount = 0
    private var open: [UInt64: UserExchange] = [:]
    private var executed: Set<UInt64> = []
    private var owners: [String: Int] = [:]
    private var granted: Set<String> = []

    /// Whatever a user does gets on, or fails, within this time of its last progress or of the last fault near it:
    /// both ends notice silence after 20 s and streams are given up 20 s later; a dial takes 15 s at most.
    static let progressLimit: Duration = .seconds(60)

    init(_ cluster: RelayCluster) { self.cluster = cluster }

    /// By then every member has its first link.
    private static let startTime: Duration = .seconds(8)

    private func violate(_ text: String) { cluster.world.violate(text) }

    func happened(_ fault: RelayFault) { faults[fault.rawValue, default: 0] += 1 }

    // MARK: Limits

    func check(_ load: RelayHub.Load, in process: ExternalProcess) {
        let settings = cluster.settings
        if load.eventsKept > settings.replayCount || load.eventBytesKept > settings.replayByteCount {
            violate("\(load.eventsKept) events of \(load.eventBytesKept) bytes are kept for one member")
        }
        if load.dials > settings.dialsPerMember * cluster.members.count { violate("\(load.dials) dials are open") }
        if load.streams > settings.streamsPerMember * cluster.members.count {
            violate("\(load.streams) streams are carried")
        }
    }

    func check(window heldCount: Int) {
        if heldCount > Int(CarriedStream.windowByteCount) { violate("a stream holds \(heldCount) bytes at one end") }
    }

    /// Both ends keep to the protocol, so neither may find that the other one broke it.
    func refused(_ error: RelayError) {
        if case .malformed(let detail) = error { violate("an end that kept the rules was told: \(detail)") }
    }

    // MARK: Nonces

    func said(_ nonce: String, _ member: MemberSlot) {
        if owners.updateValue(member.number, forKey: nonce) != nil { violate("a nonce was said twice") }
    }

    func granted(_ nonce: String, _ member: MemberSlot) {
        if owners[nonce] != member.number { violate("\(member.name) was let in by a nonce that was not given to it") }
        if !granted.insert(nonce).inserted { violate("a nonce was good twice") }
    }

    // MARK: Exchanges

    func begin(_ exchange: UserExchange) {
        exchangeCount += 1
        if exchange.isDisplay { displayCount += 1 } else { requestCount += 1 }
        open[exchange.number] = exchange
    }

    func exchange(_ number: UInt64) -> UserExchange? { open[number] }

    /// A member has got a whole request.
    func executes(_ head: Head, _ body: ArraySlice<UInt8>, at member: MemberSlot) {
        if !executed.insert(head.exchange).inserted { violate("request \(head.exchange) was executed twice") }
        guard let exchange = open[head.exchange] else { return }
        if exchange.member !== member || exchange.user != head.user || exchange.count != head.count {
            violate("request \(head.exchange) of user \(exchange.user) came to \(member.name) as another one")
        }
        if exchange.pattern(.up).mismatch(body, at: 0) != nil {
            violate("request \(head.exchange) of user \(exchange.user) came with other bytes than were sent")
        }
    }

    func finished(_ exchange: UserExchange) {
        guard open.removeValue(forKey: exchange.number) != nil else { return }
        if exchange.isDisplay { wholeDisplayCount += 1 } else { answeredCount += 1 }
    }

    func failed(_ exchange: UserExchange, _ reason: String) {
        guard open.removeValue(forKey: exchange.number) != nil else { return }
        let quietSince = latestFault(near: exchange) + Self.progressLimit
        if exchange.began > max(quietSince, Self.startTime) {
            violate("\(exchange) failed though there was no fault near it: \(reason)")
        }
    }

    private func latestFault(near exchange: UserExchange) -> Duration {
        max(cluster.faultEnd, exchange.member.faultEnd)
    }

    /// Everything gets on or fails in time.
    func look() {
        let now = cluster.world.uptime
        for exchange in open.values.sorted(by: { $0.number < $1.number }) {
            if exchange.external !== cluster.external {
                exchange.fail("its external member ended")
            } else if max(exchange.progress, latestFault(near: exchange)) + Self.progressLimit < now {
                violate("\(exchange) neither got on nor failed within \(Self.progressLimit)")
                exchange.fail("it hangs")
            }
        }
    }

    var isIdle: Bool { open.isEmpty }

    func letGo() { open = [:] }
}
