// One run from its plan to its report.
import Foundation
import Gossip
import Replica
package import SimulatedWorld
import Trust

/// A simulated cluster under faults, then at rest.
package final class Run {
    package let plan: Plan
    package let world: World
    private let topology: Topology
    private let members: [Member]
    private let oracle: Oracle
    private let injector: FaultInjector
    private let workload: Workload
    private let checks: Checks
    private var convergedAfter: Duration?
    private var lookCount = 0
    /// Where the members' stores lie, where they are real ones.
    private let diskDirectory: String?

    /// All maps must be equal this long after the last fault at the latest: two waits of the longest backoff, one
    /// round that stalls, and rounds along the longest way.
    package static let convergenceLimit: Duration = .seconds(600)
    /// Bounds are looked at, and equality is asked for, this often.
    private static let lookInterval: Duration = .milliseconds(500)
    private static let looksPerCheck = 4

    package init(_ plan: Plan) throws {
        self.plan = plan
        var random = SplitMix64(seed: plan.seed, purpose: "cluster")
        world = World(seed: SplitMix64.seed(plan.seed, "world"))
        let keys = try RunKeys()
        topology = Topology(plan.scenario.drawTopology(&random), memberCount: plan.memberCount, &random)
        oracle = Oracle(world: world, gateway: topology.gateway)
        world.latency = .microseconds(Int64.random(in: 200...60_000, using: &random))
        if Bool.random(using: &random) { world.latencyJitter = world.latency }
        let settings = Self.drawSettings(&random)
        world.keepsAccounts = plan.scenario == .quiet
        diskDirectory = plan.scenario == .storage ? try Self.makeDirectory(plan) : nil
        for number in 0..<plan.memberCount {
            let ring = number == topology.gateway ? try keys.gatewayRing() : keys.ring
            let member = world.add("m\(number)", ring, settings: settings)
            member.keepsReports = false
            if let diskDirectory { try Self.keepOnDisk(member, diskDirectory) }
            if random.oneIn(3) { member.feedDelay = .microseconds(Int64.random(in: 1...5_000, using: &random)) }
            oracle.watch(member)
        }
        members = world.members
        injector = FaultInjector(plan, members, topology, world: world, oracle: oracle, keys: keys)
        checks = Checks(world: world, members: members, plan: plan)
        workload = Workload(members, gateway: topology.gateway, world: world, oracle: oracle, plan: plan)
    }

    /// Gives a member a real store in a directory of its own, which every process that it starts opens again.
    private static func keepOnDisk(_ member: Member, _ directory: String) throws {
        let open = { (member: Member) throws in
            try DiskStore(
                directory: "\(directory)/\(member.name)", mapByteCount: 64 << 20, pool: member.world.pool,
                origin: member.origin)
        }
        member.store = try open(member)
        member.openStore = { member in
            do {
                return try open(member)
            } catch {
                member.world.violate("\(member.name) cannot open its store: \(error)")
                return MemoryStore(pool: member.world.pool)
            }
        }
    }

    private static func makeDirectory(_ plan: Plan) throws -> String {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("fastx-simulate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        return directory.path
    }

    /// Settings within the ranges that an administrator may choose, small where that makes limits matter.
    private static func drawSettings(_ random: inout SplitMix64) -> EngineSettings {
        var settings = EngineSettings()
        settings.creditWindow = [2_000, 20_000, 200_000, 4 << 20].randomElement(using: &random) ?? 4 << 20
        settings.outboxKeyCountMax = [10, 100, 4_096].randomElement(using: &random) ?? 4_096
        settings.reconcileInterval = .seconds(Int.random(in: 20...60, using: &random))
        return settings
    }

    /// Runs to the end and says what came of it. The world is of no use afterwards.
    ///
    /// - Parameter look: Called twice a second of simulated time.
    package func run(look: (Run) -> Void = { _ in }) -> RunReport {
        let clock = ContinuousClock()
        let began = clock.now
        if plan.scenario == .newcomer { fillSome() }
        for (number, member) in members.enumerated() {
            member.setAccessPoints(topology.dials[number].map { members[$0].url })
        }
        workload.start()
        injector.start()
        let steps = Int(Duration.seconds(plan.durationSeconds) / Self.lookInterval)
        for _ in 0..<steps where !world.isOverrun {
            world.run(for: Self.lookInterval)
            lookAround()
            look(self)
        }
        injector.stop()
        workload.stop()
        settle(look)
        for case let disk as DiskStore in members.map(\.store) where !disk.isConsistent {
            world.violate("the store in \(disk.directory) sums up another map than it has")
        }
        let report = makeReport(real: clock.now - began)
        for member in members { member.store.close() }
        world.end()
        if let diskDirectory { try? FileManager.default.removeItem(atPath: diskDirectory) }
        return report
    }

    /// Some members begin with a map that the others lack.
    private func fillSome() {
        var random = SplitMix64(seed: plan.seed, purpose: "fill")
        let writes = (0..<Int.random(in: 1_000...4_000, using: &random)).map { number in
            LocalWrite(
                key: Key(checked: Array("data/old/\(number)".utf8)),
                change: .put(Array(repeating: 1, count: 100), leaseMilliseconds: nil))
        }
        for member in members.prefix(2) where member.number != topology.gateway {
            if let entries = try? member.write(writes) { oracle.acknowledged(entries) }
        }
    }

    private func settle(_ look: (Run) -> Void) {
        let end = world.uptime
        while world.uptime - end < Self.convergenceLimit, !world.isOverrun {
            world.run(for: Self.lookInterval)
            lookAround()
            look(self)
            if workload.isOver, isConverged {
                convergedAfter = world.uptime - end
                oracle.checkQuiet(members)
                checkStrangers()
                checkGatewayRounds()
                checks.checkDialling(
                    targetCount: (topology.dials
                        + Array(repeating: members.map(\.number), count: injector.strangers.count)).joined().count)
                if plan.scenario != .newcomer { checks.checkStreams() }
                if plan.faults.isEmpty { checkUndisturbed() }
                return
            }
        }
        if world.isOverrun { return }
        world.violate(
            "the maps were not equal \(Self.convergenceLimit) after the last fault: \(differences.joined(separator: "; "))"
        )
    }

    /// Keys on which the maps disagree, and who has what of them.
    private var differences: [String] {
        var holders: [EntryNumber: [String]] = [:]
        for member in members { member.store.forEach { holders[$0, default: []].append(member.name) } }
        let disputed = holders.filter { $0.value.count < members.count }.sorted { $0.key < $1.key }
        return disputed.prefix(Self.differenceCountMax).map { number, names in
            let entry = world.pool[number]
            let seconds = entry.version.clock.time.millisecondsSince(startOfTime) / 1_000
            return "\(world.pool.key(entry.keyNumber)) of \(seconds) s is only at \(names.joined(separator: " "))"
        } + (disputed.count > Self.differenceCountMax ? ["and \(disputed.count - Self.differenceCountMax) more"] : [])
            + members.map { member in
                "\(member.name): "
                    + member.engine.linkStatuses.map {
                        "\($0.serverID ?? "?") \($0.phase) \($0.isDialled ? "out" : "in")"
                    }
                    .joined(separator: ", ")
            }
    }

    private static let differenceCountMax = 6

    /// How many differences a round with a gateway finds that nothing can mend: what full members lost when a directory
    /// went back, or stamped anew, stays with the gateway, which passes on nothing of others. Nil where it lacks something,
    /// or others lack an entry of its own.
    private func gatewayExcess(_ gateway: Member) -> Int? {
        let first = members[0].store
        let shared = first.withoutAudit
        if gateway.store.count == shared.count, gateway.store.fingerprint == shared.fingerprint { return 0 }
        var isComplete = true
        first.forEach { number in
            guard isComplete, !world.pool[number].isAudit else { return }
            let found = gateway.store[world.pool.key(world.pool[number].keyNumber)]
            isComplete = found.map { $0.precedence >= world.pool[number].precedence } ?? false
        }
        var excess = 0
        gateway.store.forEach { number in
            let entry = world.pool.entry(number)
            let other = first[entry.key]
            guard isComplete, other != entry else { return }
            let serverID = Array(gateway.serverID.text.utf8)
            isComplete = unsafe !Admission.isOwn(entry.key.bytes.span.bytes, serverID: serverID)
            excess += other == nil ? 1 : 2
        }
        return isComplete ? excess : nil
    }

    /// Whether all maps are equal; a gateway's is without audit entries.
    package var isConverged: Bool {
        let first = members[0].store
        return members.allSatisfy { member in
            if member.number == topology.gateway { return gatewayExcess(member) != nil }
            return member.store.count == first.count && member.store.fingerprint == first.fingerprint
        }
    }

    /// Hands every message that arrives and every report of a member to a closure, as a line for people.
    package func log(_ line: @escaping (String) -> Void) {
        world.onArrival = { [unowned world] source, target, message in
            line("\(world.uptime) \(source.name) -> \(target.name): \(message.label)")
        }
        world.onReport = { [unowned world, checks] member, report in
            checks.note(report, of: member)
            line("\(world.uptime) \(member.name): \(report.logLine.text)")
        }
    }

    // MARK: Checks

    private func lookAround() {
        lookCount += 1
        if lookCount.isMultiple(of: Self.looksPerCheck) { checks.look() }
    }

    /// Where nothing went wrong, changes are everywhere at once, and each goes over each connection once.
    private func checkUndisturbed() {
        if let convergedAfter, convergedAfter > Self.undisturbedLimit {
            world.violate("changes took \(convergedAfter) to be everywhere although nothing went wrong")
        }
        if topology.kind.isTree, plan.scenario == .quiet { checks.checkCopies() }
    }

    private static let undisturbedLimit: Duration = .seconds(5)

    /// What is left out of the rounds with a gateway is left out at both ends: one on each of its links finds nothing.
    private func checkGatewayRounds() {
        guard let number = topology.gateway, let excess = gatewayExcess(members[number]) else { return }
        checks.watchRounds(of: members[number])
        for member in members { member.input { $0.reconcile(at: $1) } }
        let isEqual = world.run(
            until: { self.unequalGatewayLinks(number, excess).isEmpty }, limit: Self.gatewayRoundLimit)
        if !isEqual {
            world.violate("rounds with a gateway find differences for ever: \(unequalGatewayLinks(number, excess))")
        }
    }

    /// The peers with which no round has found as little as there is to find.
    private func unequalGatewayLinks(_ number: Int, _ excess: Int) -> [String] {
        members[number].engine.linkStatuses.compactMap { link in
            guard link.phase == .open, let peer = link.serverID else { return nil }
            // A refusal that crosses a newer entry of its key is noted at one end alone.
            let leftOut = members.flatMap { $0.serverID == peer ? $0.openLinks(to: members[number].serverID) : [] }
                .reduce(link.leftOutKeyCount) { $0 + $1.leftOutKeyCount }
            return checks.fewestDifferences[peer].map { $0 <= excess + leftOut } ?? false ? nil : peer.text
        }
    }

    /// Two waits between rounds at the least, for live changes may meet one.
    private static let gatewayRoundLimit: Duration = .seconds(200)

    /// Nobody without a key changed or read a map.
    private func checkStrangers() {
        for stranger in injector.strangers where stranger.name.hasPrefix("intruder") {
            if stranger.store.count != 20 { world.violate("\(stranger.name) has entries of others") }
        }
        for member in members {
            let found = try? member.value("data/intruder-0")
            if found != nil { world.violate("\(member.name) has an entry of an intruder") }
        }
    }

    // MARK: Report

    private func makeReport(real: Duration) -> RunReport {
        var maxima = checks.maxima
        maxima.bytesSent = members.map(\.byteCountSent).max() ?? 0
        maxima.outstandingBytes = world.connections.flatMap(\.ends).map(\.outstandingMax).max() ?? 0
        return RunReport(
            seed: plan.seed, scenario: plan.scenario, members: plan.memberCount, topology: topology.kind,
            durationSeconds: plan.durationSeconds, plannedFaults: plan.faults,
            traceHash: world.trace.hex, converged: convergedAfter != nil,
            convergedAfterSeconds: convergedAfter.map { $0 / .seconds(1) },
            simulatedSeconds: world.uptime / .seconds(1), violations: world.violations, writes: oracle.writeCount,
            messages: world.messageCount, bytes: world.byteCount, maxima: maxima, faults: injector.counts,
            realSeconds: real / .seconds(1))
    }
}

extension SplitMix64 {
    /// A seed for one purpose.
    static func seed(_ seed: UInt64, _ purpose: String) -> UInt64 {
        var random = SplitMix64(seed: seed, purpose: purpose)
        return random.next()
    }
}

extension Scenario {
    func drawTopology(_ random: inout SplitMix64) -> TopologyKind {
        switch self {
        case .twoSites: .twoSites
        case .external: .external
        case .reconnecting: .star
        default: TopologyKind.allCases.randomElement(using: &random) ?? .random
        }
    }
}
