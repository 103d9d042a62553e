// Brings the faults of a run about, each at a random time.
import SimulatedWorld

/// Plans faults while a run lasts, and ends all of them.
final class RelayFaultInjector {
    private let cluster: RelayCluster
    private let plan: RelayPlan
    private var random: SplitMix64
    private var isOver = false
    /// When the latest fault ends.
    private(set) var end: Duration = .zero

    init(_ cluster: RelayCluster, _ plan: RelayPlan) {
        self.cluster = cluster
        self.plan = plan
        random = SplitMix64(seed: plan.seed, purpose: "relay faults")
    }

    private var now: Duration { cluster.world.uptime }

    /// Faults begin when everybody is linked.
    func start(at begin: Duration) {
        let duration = Duration.seconds(plan.durationSeconds) - begin
        guard duration > .zero else { return }
        for kind in plan.faults {
            let times = Double.random(in: kind.timesPerRun, using: &random)
            let scale = max(0.25, Double(plan.durationSeconds) / 120)
            for _ in 0..<max(1, Int((times * scale).rounded())) {
                let time = begin + duration * Double.random(in: 0..<1, using: &random)
                cluster.world.plan(at: time) { [self] in if !isOver { cause(kind) } }
            }
        }
    }

    func stop() { isOver = true }

    private func cause(_ kind: RelayFault) {
        guard let member = cluster.members.randomElement(using: &random) else { return }
        switch kind {
        case .restart: restartExternal()
        case .drain: drain()
        case .stop: stop(cluster.external)
        case .memberRestart: restart(member)
        case .memberStop: stop(member.process)
        case .cut: cut(member)
        case .cutAll: cutAll()
        case .silentCut: cutSilently(member)
        case .oneWay: closeOneWay(member)
        case .delay: delay(member)
        case .twice: member.path.twiceUntil = now + seconds(2...20)
        case .lost:
            let time = now + seconds(2...20)
            member.path.lostUntil = time
            touch(member, until: time)
        case .blocked: block(member)
        case .foreignNonce: showForeign(member)
        case .usedNonce: showUsed(member)
        }
    }

    private func seconds(_ range: ClosedRange<Double>) -> Duration {
        .microseconds(Int64(Double.random(in: range, using: &random) * 1e6))
    }

    private func touch(_ member: MemberSlot, until time: Duration) {
        member.faultEnd = max(member.faultEnd, time)
        end = max(end, time)
    }

    private func touchAll(until time: Duration) {
        cluster.faultEnd = max(cluster.faultEnd, time)
        end = max(end, time)
    }

    // MARK: Processes

    private func restartExternal() {
        guard let external = cluster.external else { return }
        cluster.ledger.happened(.restart)
        external.kill()
        replaceExternal(after: seconds(0...8))
    }

    private func replaceExternal(after wait: Duration) {
        cluster.external = nil
        touchAll(until: now + wait)
        cluster.world.plan(after: wait) { [self] in cluster.startExternal() }
    }

    private func drain() {
        guard let external = cluster.external, external.awakeAt <= now else { return }
        cluster.ledger.happened(.drain)
        external.drain()
        let wait = seconds(0.1...3)
        touchAll(until: now + wait)
        cluster.world.plan(after: wait) { [self] in
            guard cluster.external === external else { return }
            external.kill()
            replaceExternal(after: seconds(0.1...3))
        }
    }

    private func stop(_ process: SimulatedProcess?) {
        guard let process else { return }
        let time = now + seconds(1...40)
        process.stop(until: time)
        if let process = process as? MemberProcess {
            touch(process.member, until: time)
            cluster.ledger.happened(.memberStop)
        } else {
            touchAll(until: time)
            cluster.ledger.happened(.stop)
        }
    }

    private func restart(_ member: MemberSlot) {
        guard let process = member.process else { return }
        cluster.ledger.happened(.memberRestart)
        process.kill()
        member.process = nil
        let wait = seconds(0...8)
        touch(member, until: now + wait)
        cluster.world.plan(after: wait) { [self] in cluster.start(member) }
    }

    // MARK: The network

    private func cut(_ member: MemberSlot) {
        guard let process = member.process else { return }
        let pipes = process.openPipes
        let isWhole = random.oneIn(2)
        for pipe in pipes where isWhole || pipe.isLink || random.oneIn(3) {
            pipe.cut(isTold: true)
            cluster.ledger.happened(.cut)
        }
        touch(member, until: now)
    }

    private func cutAll() {
        cluster.ledger.happened(.cutAll)
        for member in cluster.members {
            for pipe in member.process?.openPipes ?? [] where pipe.isLink {
                pipe.cut(isTold: true, within: 50)
            }
        }
        touchAll(until: now)
    }

    /// The link is among them: a single connection that dies alone is not for the relay to notice.
    private func cutSilently(_ member: MemberSlot) {
        guard let process = member.process, process.isLinked else { return }
        let pipes = process.openPipes
        guard pipes.contains(where: { $0.isLink && !$0.isDead }) else { return }
        for pipe in pipes {
            pipe.cut(isTold: false)
            cluster.ledger.happened(.silentCut)
        }
        touch(member, until: now)
    }

    private func closeOneWay(_ member: MemberSlot) {
        let time = now + seconds(1...40)
        member.path.closedUntil[Int.random(in: 0...1, using: &random)] = time
        touch(member, until: time)
        cluster.ledger.happened(.oneWay)
    }

    private func delay(_ member: MemberSlot) {
        let way = Int.random(in: 0...1, using: &random)
        member.path.delay[way] = seconds(0.01...1.5)
        member.path.delayUntil[way] = now + seconds(2...20)
        cluster.ledger.happened(.delay)
    }

    private func block(_ member: MemberSlot) {
        member.path.letsUpgradesThrough.toggle()
        cluster.ledger.happened(.blocked)
        touch(member, until: now)
    }

    // MARK: Nonces

    private func showForeign(_ member: MemberSlot) {
        let other = cluster.members.filter { $0 !== member }.randomElement(using: &random)
        guard let other, let process = member.process else { return }
        // Just when it was said, so that it may still be good.
        other.process?.onNonce = { [self] nonce in
            other.process?.onNonce = nil
            process.whenAwake { process.open(nonce) }
            cluster.ledger.happened(.foreignNonce)
            touch(member, until: now + .seconds(1))
            touch(other, until: now + .seconds(1))
        }
        touch(member, until: now)
        touch(other, until: now)
    }

    private func showUsed(_ member: MemberSlot) {
        guard let process = member.process else { return }
        let nonce = random.oneIn(2) ? process.latestNonce ?? "" : String(random.next(), radix: 16)
        process.whenAwake { process.open(nonce) }
        cluster.ledger.happened(.usedNonce)
    }
}
