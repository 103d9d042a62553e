// One run of the relay from its plan to its report.
import SimulatedWorld

/// An external member, others that hold links to it, and users of theirs, under faults and then at rest.
package final class RelayRun {
    private let plan: RelayPlan
    private let cluster: RelayCluster
    private let injector: RelayFaultInjector
    private var random: SplitMix64
    private var exchangeCount: UInt64 = 0
    private var isBusy = true
    private var linkedAfter: Duration?

    /// Members link at random times within this.
    private static let startTime: Duration = .seconds(5)
    /// All members are linked this long after the last fault at the latest: an attempt that gets no answer takes 10 s, and
    /// the longest wait after it 30 s; a link that is dead is noticed after 20 s.
    private static let linkLimit: Duration = .seconds(60)
    /// When links are there, and users have ended, everything else is gone after this.
    private static let restTime: Duration = .seconds(120)

    package init(_ plan: RelayPlan) {
        self.plan = plan
        cluster = RelayCluster(plan)
        injector = RelayFaultInjector(cluster, plan)
        random = SplitMix64(seed: plan.seed, purpose: "relay users")
    }

    /// Of so many members no more than this come in any one second: the first wait after a break is 0.25 to 2 s, and
    /// some of those that fail come again at once.
    private static func attemptLimit(_ memberCount: Int) -> Int { memberCount * 4 / 5 + 20 }

    /// Runs to the end and says what came of it.
    package func run() -> RelayReport {
        let clock = ContinuousClock()
        let began = clock.now
        begin()
        for _ in 0..<plan.durationSeconds { pass() }
        injector.stop()
        settle()
        let report = makeReport(real: clock.now - began)
        cluster.end()
        return report
    }

    private func begin() {
        cluster.startExternal()
        for member in cluster.members {
            let wait = Self.startTime * Double.random(in: 0..<1, using: &random)
            cluster.world.plan(after: wait) { [self] in cluster.start(member) }
            if random.oneIn(3) { member.path.letsUpgradesThrough = false }
        }
        injector.start(at: Self.startTime * 2)
        cluster.world.plan(after: Self.startTime * 2) { [self] in ask() }
    }

    private func pass() {
        cluster.world.run(for: .seconds(1))
        cluster.ledger.look()
    }

    /// Users come at random, and now and then many at once.
    private func ask() {
        guard isBusy else { return }
        for _ in 0..<(random.oneIn(20) ? 10 : 1) { askOnce() }
        let most = max(10, 1_000 / plan.memberCount)
        cluster.world.plan(after: .milliseconds(Int.random(in: 1...most, using: &random))) { [self] in ask() }
    }

    private func askOnce() {
        guard let external = cluster.external, external.awakeAt <= cluster.world.uptime else { return }
        guard let member = cluster.members.randomElement(using: &random) else { return }
        exchangeCount += 1
        let isDisplay = random.oneIn(15)
        let most = isDisplay ? 900_000 : random.oneIn(20) ? 100_000 : 500
        let exchange = UserExchange(
            exchangeCount, user: UInt32.random(in: 1...1_000, using: &random), member, external, isDisplay: isDisplay,
            count: Int.random(in: 1...most, using: &random))
        exchange.begin()
    }

    // MARK: The end

    private func settle() {
        isBusy = false
        let end = max(injector.end, cluster.world.uptime)
        while cluster.world.uptime < end { pass() }
        while !cluster.isLinked, cluster.world.uptime - end < Self.linkLimit { pass() }
        if cluster.isLinked {
            linkedAfter = cluster.world.uptime - end
        } else {
            let missing = cluster.members.filter { $0.process?.isLinked != true }.map(\.name)
            cluster.world.violate("not linked \(Self.linkLimit) after the last fault: \(missing.prefix(10))")
        }
        let rest = cluster.world.uptime + Self.restTime
        while cluster.world.uptime < rest { pass() }
        checkLeftovers()
    }

    private func checkLeftovers() {
        if !cluster.ledger.isIdle { cluster.world.violate("users still wait at the end") }
        if let left = cluster.external?.leftovers { cluster.world.violate("at the external member there are \(left)") }
        for member in cluster.members {
            if let left = member.process?.leftovers { cluster.world.violate("at \(member.name) there are \(left)") }
        }
        if !cluster.isLinked { cluster.world.violate("at the end not all members are linked") }
        let limit = Self.attemptLimit(plan.memberCount)
        if cluster.attemptsInSecond > limit {
            cluster.world.violate("\(cluster.attemptsInSecond) attempts in one second; \(limit) may be")
        }
    }

    private func makeReport(real: Duration) -> RelayReport {
        let ledger = cluster.ledger
        return RelayReport(
            seed: plan.seed, members: plan.memberCount, durationSeconds: plan.durationSeconds,
            plannedFaults: plan.faults, traceHash: cluster.trace.hex, violations: cluster.world.violations,
            faults: ledger.faults, requests: ledger.requestCount, answered: ledger.answeredCount,
            displays: ledger.displayCount, displaysWhole: ledger.wholeDisplayCount, dialledBack: ledger.dialledBack,
            carried: ledger.carried, bytes: cluster.byteCount, attemptsInSecond: cluster.attemptsInSecond,
            linkedAfterSeconds: linkedAfter.map { $0 / .seconds(1) }, events: cluster.world.eventCount,
            simulatedSeconds: cluster.world.uptime / .seconds(1), realSeconds: real / .seconds(1))
    }
}
