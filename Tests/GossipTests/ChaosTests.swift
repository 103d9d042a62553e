// Random writes, deletes, cuts, restarts and slow stores on random topologies: in the end all maps are equal.
import Gossip
import Replica
import SimulatedWorld
import Testing
import Trust

private struct Chaos {
    let world: World
    let names: [String]
    var random: SplitMix64
    private(set) var counts: [String: Int] = [:]

    init(seed: UInt64) throws {
        random = SplitMix64(seed: seed)
        world = World(seed: random.next())
        var settings = EngineSettings()
        settings.outboxKeyCountMax = 20
        settings.creditWindow = Int.random(in: 2_000...200_000, using: &random)
        let count = Int.random(in: 3...7, using: &random)
        var draw = random
        // Everybody reaches somebody with a lower number, so all are joined; some dial more.
        let dials = (0..<count).map { number in
            number == 0
                ? []
                : [Int.random(in: 0..<number, using: &draw)]
                    + (0..<count).filter { $0 != number && Int.random(in: 0..<5, using: &draw) == 0 }
        }
        random = draw
        let targets = dials.map { Array(Set($0)).sorted() }
        try world.addMembers(count, settings: settings) { targets[$0] }
        names = (0..<count).map { "m\($0)" }
        for (name, targets) in zip(names, targets) { self.targets[name] = targets.map { "m\($0)" } }
    }

    private var targets: [String: [String]] = [:]

    private mutating func pick() -> String { names[Int.random(in: 0..<names.count, using: &random)] }

    mutating func step() throws {
        let name = pick()
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<55: try world[name].put("config/\(Int.random(in: 0..<60, using: &random))", "\(random.next())")
        case 55..<70: try world[name].delete("config/\(Int.random(in: 0..<60, using: &random))")
        case 70..<75: try world[name].put("session/\(name)/1", lease: 60_000)
        case 75..<82:
            let other = pick()
            if other != name { world.cut(name, other, staysCut: Bool.random(using: &random)) }
            counts["cut", default: 0] += 1
        case 82..<88: world.healAll()
        case 88..<91:
            world.silence(name, pick())
            counts["silence", default: 0] += 1
        case 91..<94:
            world[name].restart(dials: targets[name] ?? [], silently: Bool.random(using: &random))
            counts["restart", default: 0] += 1
        case 94..<97:
            world[name].storeDelay = .milliseconds(Int64.random(in: 0...300, using: &random))
        default: world[name].storeFails.toggle()
        }
        world.run(for: .milliseconds(Int64.random(in: 0...400, using: &random)))
    }

    /// Ends every fault, and lets leases run out.
    mutating func settle() -> Bool {
        world.healAll()
        for member in world.members {
            member.storeFails = false
            member.storeDelay = .zero
        }
        world.run(for: .seconds(400))
        for member in world.members { member.expire() }
        world.run(for: .seconds(120))
        let maps = world.members.map { $0.store.encoded(world.pool) }
        return maps.allSatisfy { $0 == maps[0] && !$0.isEmpty }
    }
}

@Suite("Chaos")
struct ChaosTests {
    @Test("Once faults stop all maps are equal, byte by byte", arguments: 0..<60 as Range<UInt64>)
    func converges(seed: UInt64) throws {
        var chaos = try Chaos(seed: seed)
        for _ in 0..<300 { try chaos.step() }
        let isEqual = chaos.settle()
        #expect(isEqual, "seed \(seed)")
        #expect(chaos.world.violations.isEmpty, "seed \(seed)")
        #expect(chaos.counts.count == 3, "seed \(seed): every kind of fault occurred")
    }

    @Test("The same seed gives the same run")
    func repeats() throws {
        let runs = try (0..<2).map { _ in
            var chaos = try Chaos(seed: 4_711)
            for _ in 0..<200 { try chaos.step() }
            return (chaos.world.uptime, chaos.world.dialCount, chaos.world.trace)
        }
        #expect(runs[0].0 == runs[1].0 && runs[0].1 == runs[1].1 && runs[0].2 == runs[1].2, "the trace is the same")
    }
}
