// The members of a run, what lies between them, and how requests fare there.
import Relay
import Replica
import SimulatedWorld

/// What is between a member and the external one at the moment.
struct Path {
    var delay: [Duration] = [.zero, .zero]
    var delayUntil: [Duration] = [.zero, .zero]
    var closedUntil: [Duration] = [.zero, .zero]
    var twiceUntil: Duration = .zero
    var lostUntil: Duration = .zero
    var letsUpgradesThrough = true
}

/// A member, whichever process of it runs.
final class MemberSlot {
    let number: Int
    let name: ServerID
    var path = Path()
    var process: MemberProcess?
    /// When the latest fault that touched it ends.
    var faultEnd: Duration = .zero

    init(number: Int) {
        self.number = number
        name = .named("m\(number)")
    }
}

/// Everything that a run consists of.
final class RelayCluster {
    let world: World
    var random: SplitMix64
    let settings: RelaySettings
    private(set) var members: [MemberSlot] = []
    var external: ExternalProcess?
    /// When the latest fault that touched the external member ends.
    var faultEnd: Duration = .zero
    private(set) lazy var ledger = Ledger(self)
    let latency: Duration
    private(set) var trace = TraceHash()
    private(set) var byteCount = 0
    private(set) var attemptsInSecond = 0
    private var attempts: [Duration] = []
    private var attemptStart = 0
    private var processCount: UInt64 = 0

    init(_ plan: RelayPlan) {
        random = SplitMix64(seed: plan.seed, purpose: "relay")
        world = World(seed: SplitMix64(seed: plan.seed, purpose: "world").seedOfNext)
        settings = Self.drawSettings(&random)
        latency = .microseconds(Int64.random(in: 300...80_000, using: &random))
        members = (0..<plan.memberCount).map { MemberSlot(number: $0) }
    }

    /// In one of three runs little is kept for a link that breaks.
    private static func drawSettings(_ random: inout SplitMix64) -> RelaySettings {
        var settings = RelaySettings()
        if random.oneIn(3) {
            settings.replayCount = Int.random(in: 2...60, using: &random)
            settings.replayByteCount = Int.random(in: 20_000...400_000, using: &random)
        }
        return settings
    }

    /// A generator for a new process.
    func newRandom() -> SplitMix64 {
        processCount += 1
        return SplitMix64(seed: random.next() ^ processCount)
    }

    func startExternal() {
        external = ExternalProcess(self)
    }

    func start(_ member: MemberSlot) {
        member.process = MemberProcess(self, member)
        member.process?.start()
    }

    func member(_ name: ServerID) -> MemberSlot? {
        Int(name.text.dropFirst()).flatMap { members.indices.contains($0) ? members[$0] : nil }
    }

    // MARK: The network

    /// When something that is sent now arrives.
    func arrival(_ member: MemberSlot, _ direction: Direction) -> Duration {
        let way = direction.rawValue
        var time = world.uptime + latency * Double.random(in: 1...1.5, using: &random)
        if member.path.delayUntil[way] > world.uptime {
            time += member.path.delay[way] * Double.random(in: 0...1, using: &random)
        }
        let closed = member.path.closedUntil[way]
        if closed > world.uptime {
            time = max(time, closed + .milliseconds(Int.random(in: 0...300, using: &random)))
        }
        return time
    }

    /// A request of a member on a connection of its own; nil where the external member could not be reached.
    func ask(
        _ process: MemberProcess, _ work: @escaping (ExternalProcess) -> RelayError?,
        _ done: @escaping (Answer) -> Void
    ) {
        let member = process.member
        var isDone = false
        func finish(_ answer: Answer) {
            process.whenAwake {
                guard !isDone else { return }
                isDone = true
                done(answer)
            }
        }
        world.plan(after: settings.connectTime) { finish(.unreachable) }
        let isLost = member.path.lostUntil > world.uptime && Bool.random(using: &random)
        let losesAnswer = Bool.random(using: &random)
        if isLost {
            ledger.happened(.lost)
            // Sometimes the connection is reset; sometimes nothing is heard.
            if Bool.random(using: &random) {
                world.plan(after: latency * 2 + .milliseconds(300)) { finish(.unreachable) }
            }
            if !losesAnswer { return }
        }
        perform(work, member) { answer in
            if !isLost { self.world.plan(at: self.arrival(member, .down)) { finish(answer) } }
        }
        guard member.path.twiceUntil > world.uptime, Bool.random(using: &random) else { return }
        ledger.happened(.twice)
        perform(work, member) { _ in }
    }

    enum Answer {
        case done
        case refused(RelayError)
        case unreachable
    }

    private func perform(
        _ work: @escaping (ExternalProcess) -> RelayError?, _ member: MemberSlot, _ answer: @escaping (Answer) -> Void
    ) {
        world.plan(at: arrival(member, .up)) { [self] in
            guard let external else { return answer(.unreachable) }
            external.whenAwake {
                self.mix([], member.number)
                answer(work(external).map { .refused($0) } ?? .done)
            }
        }
    }

    // MARK: What is noted

    func mix(_ bytes: [UInt8], _ place: Int) {
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { sum = (sum ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        trace.mix(UInt64(bitPattern: world.now))
        trace.mix(UInt64(place))
        trace.mix(sum)
        byteCount += bytes.count
    }

    func noteAttempt() {
        let now = world.uptime
        attempts.append(now)
        while attempts[attemptStart] <= now - .seconds(1) { attemptStart += 1 }
        attemptsInSecond = max(attemptsInSecond, attempts.count - attemptStart)
        if attemptStart > 10_000 {
            attempts.removeFirst(attemptStart)
            attemptStart = 0
        }
    }

    /// Ends the run: processes and what they have refer to each other.
    func end() {
        world.end()
        ledger.letGo()
        external?.letGo()
        external = nil
        for member in members {
            member.process?.letGo()
            member.process = nil
        }
    }

    var isLinked: Bool {
        guard let external else { return false }
        return members.allSatisfy { $0.process?.isLinked == true }
            && external.hub.statuses.count(where: \.isLinked) == members.count
    }
}

extension SplitMix64 {
    /// The number that it gives first.
    fileprivate var seedOfNext: UInt64 {
        var copy = self
        return copy.next()
    }
}
