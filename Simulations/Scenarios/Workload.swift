// What the hosts of a simulated cluster write: server updates, leases that are renewed and deleted, configuration.
import Glibc
import Gossip
import Replica
import SimulatedWorld

/// Writes at random members at random times until it is stopped.
final class Workload {
    private let world: World
    private let members: [Member]
    private let oracle: Oracle
    private var random: SplitMix64
    /// Of its own, so that what else is written does not depend on audit entries.
    private var auditRandom: SplitMix64
    private var auditCount = 0
    /// Between two audit entries at most, in milliseconds: some thirty are written in a run.
    private let auditIntervalMax: Int64
    private var isStopped = false
    /// Writes are spread so that this many are acknowledged when the faults end, however many come to nothing.
    private let writeCountWanted: Int
    private let end: Duration
    private let keyCount: Int
    /// Members with a gateway key write only leases of their own.
    private let gateway: Int?

    /// A server update is due this often, and lasts three times as long.
    static let updateInterval: Duration = .seconds(30)
    static let updateLease: UInt64 = 90_000
    /// How many entries one action writes in the mean.
    private static let writesPerAction = 1.4

    init(_ members: [Member], gateway: Int?, world: World, oracle: Oracle, plan: Plan) {
        self.members = members
        self.gateway = gateway
        self.world = world
        self.oracle = oracle
        random = SplitMix64(seed: plan.seed, purpose: "workload")
        auditRandom = SplitMix64(seed: plan.seed, purpose: "audit")
        keyCount = Int.random(in: 5...80, using: &random)
        writeCountWanted = Int.random(in: 540...640, using: &random)
        end = .seconds(plan.durationSeconds)
        auditIntervalMax = Int64(plan.durationSeconds) * 1_000 / 15
    }

    func start() {
        for member in members {
            let wait = Duration.milliseconds(Int64.random(in: 0...2_000, using: &random))
            world.plan(after: wait) { [self] in publish(member) }
        }
        planWrite()
        planAudit()
    }

    /// Ends the writes of people and sessions, once there were enough for the run to prove something; hosts go on to
    /// publish their updates.
    func stop() { isStopped = true }

    /// Acknowledged writes of a run at the least.
    private static let writeCountMin = 500
    /// Between two writes that are made up for after the faults.
    private static let catchingUp: Duration = .milliseconds(10)

    /// Whether nothing more is written than what hosts publish.
    var isOver: Bool { isStopped && oracle.writeCount >= Self.writeCountMin }

    private func planWrite() {
        let missing = max(writeCountWanted - oracle.writeCount, 1)
        let interval = min(max(end - world.uptime, .seconds(1)) * Self.writesPerAction / missing, .seconds(5))
        let wait = (isStopped ? Self.catchingUp : interval) * -log(Double.random(in: 0.0001..<1, using: &random))
        world.plan(after: wait) { [self] in
            guard !isOver else { return }
            writeSomething()
            planWrite()
        }
    }

    private func publish(_ member: Member) {
        let update = [UInt8](repeating: UInt8(ascii: "u"), count: Int.random(in: 50...300, using: &random))
        submit([("server/\(member.name)", .put(update, leaseMilliseconds: Self.updateLease))], at: member)
        world.plan(after: Self.updateInterval) { [self] in publish(member) }
    }

    /// Now and then somebody changes the configuration of all.
    private func planAudit() {
        let wait = Duration.milliseconds(Int64.random(in: 0...auditIntervalMax, using: &auditRandom))
        world.plan(after: wait) { [self] in
            guard !isOver else { return }
            writeAudit()
            planAudit()
        }
    }

    /// Writes an audit entry at a full member: one of a new id, seldom one with an id that was there before or the end
    /// of one, as no member of this version does.
    private func writeAudit() {
        let running = members.filter { $0.isUp && !$0.isPaused && $0.number != gateway }
        guard let member = running.randomElement(using: &auditRandom) else { return }
        let isAgain = auditCount > 0 && auditRandom.oneIn(10)
        let number = isAgain ? Int.random(in: 0..<auditCount, using: &auditRandom) : auditCount
        if !isAgain { auditCount += 1 }
        let key = "audit/\(member.name)/\(number)"
        if isAgain, auditRandom.oneIn(2) { return delete(key, at: member) }
        let length = Int.random(in: 20...1_000, using: &auditRandom)
        submit([(key, .put([UInt8](repeating: UInt8(ascii: "a"), count: length), leaseMilliseconds: nil))], at: member)
    }

    private func writeSomething() {
        let running = members.filter { $0.isUp && !$0.isPaused }
        guard let member = running.randomElement(using: &random) else { return }
        let kind = Int.random(in: 0..<100, using: &random)
        let key = "config/\(Int.random(in: 0..<keyCount, using: &random))"
        let lease = leaseKey(of: member)
        let length = UInt64.random(in: 1_000...120_000, using: &random)
        let value = "\(random.next())"
        if member.number == gateway {
            return kind < 70 ? put(lease, value, lease: length, at: member) : delete(lease, at: member)
        }
        switch kind {
        case 0..<30: put(key, value, at: member)
        case 30..<45: delete(key, at: member)
        case 45..<55: put("config/hot", value, at: member)
        case 55..<57:
            let large = [UInt8](repeating: UInt8(ascii: "x"), count: Int.random(in: 1_000...12_000, using: &random))
            submit([("data/large/\(key)", .put(large, leaseMilliseconds: nil))], at: member)
        case 57..<59:
            submit((0..<12).map { ("data/many/\($0)", .put(Array(value.utf8), leaseMilliseconds: nil)) }, at: member)
        case 59..<62: race(key)
        case 62..<85: put(lease, value, lease: length, at: member)
        default: renewAndDelete(lease, value, length, at: member)
        }
    }

    /// Several members write one key in the same millisecond.
    private func race(_ key: String) {
        for member in members.filter({ $0.isUp && !$0.isPaused && $0.number != gateway }).prefix(3) {
            put(key, "\(random.next())", at: member)
        }
    }

    /// A renewal and a delete of one lease, close together or in one transaction.
    private func renewAndDelete(_ key: String, _ value: String, _ length: UInt64, at member: Member) {
        if random.oneIn(3) {
            return submit([(key, .put(Array(value.utf8), leaseMilliseconds: length)), (key, .delete)], at: member)
        }
        put(key, value, lease: length, at: member)
        let wait = Duration.milliseconds(Int64.random(in: 0...200, using: &random))
        world.plan(after: wait) { [self] in delete(key, at: member) }
    }

    private func leaseKey(of member: Member) -> String {
        let kind = ["session", "login", "reservation"][
            Int.random(in: 0..<(member.number == gateway ? 2 : 3), using: &random)]
        return "\(kind)/\(member.name)/\(Int.random(in: 0..<4, using: &random))"
    }

    private func put(_ key: String, _ value: String, lease: UInt64? = nil, at member: Member) {
        submit([(key, .put(Array(value.utf8), leaseMilliseconds: lease))], at: member)
    }

    private func delete(_ key: String, at member: Member) { submit([(key, .delete)], at: member) }

    private func submit(_ writes: [(key: String, change: LocalWrite.Change)], at member: Member) {
        let writes = writes.map { LocalWrite(key: Key(checked: Array($0.key.utf8)), change: $0.change) }
        // As the daemon does: what stays is not written by a clock that most peers call wrong.
        if member.engine.isClockWrong, writes.contains(where: { !$0.key.keyClass.isLease }) { return }
        member.submit(writes) { [oracle] entries in
            if let entries { oracle.acknowledged(entries) }
        }
    }
}
