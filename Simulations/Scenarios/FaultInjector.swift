// Injects faults at random times, counts those that really happened, and ends them all.
import Gossip
import NIOCore
import Replica
import SimulatedWorld
import Trust

/// The faults of one run.
final class FaultInjector {
    let world: World
    let members: [Member]
    let topology: Topology
    let oracle: Oracle
    let keys: RunKeys
    var random: SplitMix64
    private(set) var counts: [String: Int] = [:]
    /// Clones and intruders: they take part in the faults and not in the checks.
    var strangers: [Member] = []
    /// Grows when faults end, so that what was planned for later comes to nothing.
    private(set) var generation = 0

    private let kinds: [FaultKind]
    private let duration: Duration
    var laterVersions: Set<Int> = []
    var duplicationOneIn: Int?
    var reorderingOneIn: Int?
    var heldBack: [PathNumbers: ByteBuffer] = [:]

    struct PathNumbers: Hashable {
        let source: Int
        let target: Int
    }

    init(
        _ plan: Plan, _ members: [Member], _ topology: Topology, world: World, oracle: Oracle, keys: RunKeys
    ) {
        self.world = world
        self.members = members
        self.topology = topology
        self.oracle = oracle
        self.keys = keys
        kinds = plan.faults
        duration = .seconds(plan.durationSeconds)
        random = SplitMix64(seed: plan.seed, purpose: "faults")
    }

    /// Plans the first fault of each kind.
    func start() {
        if !rewritingKinds.isDisjoint(with: kinds) { installRewriting() }
        for kind in kinds {
            var random = SplitMix64(seed: random.next(), purpose: kind.rawValue)
            let meanInterval = duration / Double.random(in: kind.timesPerRun, using: &random)
            // The first one comes early enough to happen at all.
            let first = duration * Double.random(in: 0.05...0.4, using: &random)
            planNext(kind, after: first, meanInterval, random)
        }
    }

    private func planNext(_ kind: FaultKind, after wait: Duration, _ meanInterval: Duration, _ random: SplitMix64) {
        let planned = generation
        world.plan(after: wait) { [self] in
            guard planned == generation else { return }
            inject(kind)
            var random = random
            let wait = meanInterval * Double.random(in: 0.3...1.7, using: &random)
            planNext(kind, after: wait, meanInterval, random)
        }
    }

    func happened(_ kind: FaultKind, count: Int = 1) { counts[kind.rawValue, default: 0] += count }

    /// Carries out the closure when a time has passed, or when all faults end if that is earlier.
    func later(_ wait: Duration, _ body: @escaping () -> Void) {
        let planned = generation
        world.plan(after: wait) { [self] in if planned == generation { body() } }
    }

    // MARK: The end

    /// Ends every fault: ways are free, disks and clocks are right, every process runs.
    func stop() {
        generation += 1
        duplicationOneIn = nil
        reorderingOneIn = nil
        let torn = world.tornCount
        if torn > 0 { happened(.tear, count: torn) }
        for stranger in strangers { stranger.stop(silently: false) }
        world.intercepted = [:]
        world.healAll()
        for member in members {
            member.storeFails = false
            member.storeDelay = .zero
            if member.losesChanges { member.missChanges() }
            if member.clockOffset != 0 { setClock(of: member, to: 0) }
            member.resume()
            member.start()
        }
        // A gateway's key is not rotated.
        for member in members where member.number != topology.gateway { member.setKeys(keys.ring) }
    }

    // MARK: Choosing

    func seconds(_ range: ClosedRange<Double>) -> Duration { .seconds(Double.random(in: range, using: &random)) }

    /// A member whose process runs.
    func runningMember() -> Member? {
        let running = members.filter { $0.isUp && !$0.isPaused }
        return running.isEmpty ? nil : running[Int.random(in: 0..<running.count, using: &random)]
    }

    /// A connection that is open.
    func openConnection() -> Connection? {
        let open = world.connections.filter { $0.isOpen && !$0.isSilent }
        return open.isEmpty ? nil : open[Int.random(in: 0..<open.count, using: &random)]
    }

    /// The two ends of an open connection, in a random order.
    func linkedPair() -> (Member, Member)? {
        guard let connection = openConnection() else { return nil }
        let (first, second) = (connection.ends[0].member, connection.ends[1].member)
        return Bool.random(using: &random) ? (first, second) : (second, first)
    }

    func setClock(of member: Member, to milliseconds: Int64) {
        member.clockOffset = milliseconds
        oracle.clockChanged(member)
    }
}

extension FaultKind {
    /// How often a kind of fault is tried in a run.
    var timesPerRun: ClosedRange<Double> {
        switch self {
        case .away, .clone, .rollback, .keyRotation, .clockYears, .laterVersion, .intruder: 1...3
        case .reconnectAll, .partition, .oneWayPartition, .onlyAccessPoints, .clockOffset, .storeError, .slowStore:
            2...6
        case .delay, .clog, .loss, .silentLoss, .duplication, .reordering, .tear, .missedChanges, .restart, .pause,
            .clockStepBack:
            3...12
        }
    }
}

/// The cluster keys of a run, and their rotation.
final class RunKeys {
    private(set) var ring: KeyRing
    private let keys: [ClusterKey]
    private let gatewayKey: ClusterKey
    private var number = 0

    /// Made once for all runs: their secrets lie in guarded memory, which is scarce.
    private static let all: [ClusterKey] = (0..<8).compactMap { try? make($0, .full) }
    private static let gateway: ClusterKey? = try? make(100, .gateway)
    private static let foreign: ClusterKey? = try? make(200, .full)

    private static func make(_ seed: UInt8, _ scope: KeyScope) throws -> ClusterKey {
        try ClusterKey(secret: Secret((0..<32).map { seed &+ UInt8($0) }), scope: scope)
    }

    init() throws {
        guard let gateway = Self.gateway, Self.all.count == 8 else { throw RunError.noGuardedMemory }
        keys = Self.all
        gatewayKey = gateway
        ring = try KeyRing([keys[0], gateway])
    }

    /// For the external member.
    func gatewayRing() throws -> KeyRing { try KeyRing([gatewayKey]) }

    /// For those who have no business here.
    static func foreignRing() throws -> KeyRing { try KeyRing(foreign.map { [$0] } ?? []) }

    /// The ring in which the next key is there as well, then the ring without the former one.
    func nextRings() throws -> (both: KeyRing, new: KeyRing) {
        let (old, new) = (keys[number % keys.count], keys[(number + 1) % keys.count])
        number += 1
        return (try KeyRing([old, new, gatewayKey]), try KeyRing([new, gatewayKey]))
    }

    func use(_ ring: KeyRing) { self.ring = ring }
}

/// Why a run cannot begin.
package enum RunError: Error, CustomStringConvertible {
    case noGuardedMemory

    package var description: String {
        switch self {
        case .noGuardedMemory: "the system gives no locked memory for the keys of the run; raise \"ulimit -l\""
        }
    }
}
