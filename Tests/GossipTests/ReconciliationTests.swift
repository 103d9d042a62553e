// What it costs to find out what two maps lack of each other: bytes, round trips, and the result.
import Gossip
import Replica
import SimulatedWorld
import Testing
import Trust

/// 20,000 entries that both members of a pair have.
private enum Common {
    static let entries: [Entry] = (0..<20_000).map { number in
        Entry(
            key: Key(checked: Array("config/common-\(number)".utf8)),
            version: Version(clock: Clock(startOfTests), origin: Origin(raw: 9)), value: Array("\(number)".utf8))
    }
}

struct RoundCost {
    var byteCount = 0
    var roundTrips = 0.0
    var counted = RoundStatistics()
    var isEqual = false
    var violations: [String] = []
}

/// Two members with common entries and a number of differences meet once.
func measureRound(differences: Int, seed: UInt64) throws -> RoundCost {
    let world = World(seed: seed)
    let ring = try makeRing(0)
    let first = world.add("a", ring)
    for entry in Common.entries { first.memory.put(entry) }
    world.add("b", ring, store: first.memory.copy())
    var missing = differences
    while missing > 0 {
        let version = Version(clock: Clock(startOfTests), origin: Origin(raw: world.random.next()))
        let name = Bool.random(using: &world.random) ? "a" : "b"
        // A common key with another value in one map differs in two entries.
        let isRival = missing > 1 && Int.random(in: 0..<3, using: &world.random) == 0
        let text = isRival ? "config/common-\(missing)" : "data/\(missing)"
        world[name].memory.put(Entry(key: try Key(text), version: version, value: [1]))
        missing -= isRival ? 2 : 1
    }
    world["a"].setAccessPoints(["b"])
    var cost = RoundCost()
    world.run(until: { !world["a"].finishedRounds.isEmpty }, limit: .seconds(30))
    guard let statistics = world["a"].finishedRounds.first else { return cost }
    world.run(for: .milliseconds(100))
    cost.counted = statistics
    cost.byteCount = world.connections.reduce(0) { $0 + $1.reconciliationByteCount }
    cost.roundTrips = statistics.duration / (world.latency * 2)
    cost.isEqual = world["a"].memory.isSame(as: world["b"].memory)
    cost.violations = world.violations
    return cost
}

@Suite("Reconciliation")
struct ReconciliationTests {
    struct Limit: Sendable, CustomTestStringConvertible {
        let differences: Int
        let byteCount: Int
        let seedCount: UInt64

        var testDescription: String { "\(differences) differences" }
    }

    private static let limits = [
        Limit(differences: 0, byteCount: 128, seedCount: 100), Limit(differences: 1, byteCount: 460, seedCount: 100),
        Limit(differences: 10, byteCount: 1_900, seedCount: 100),
        Limit(differences: 100, byteCount: 10_000, seedCount: 100),
        Limit(differences: 1_000, byteCount: 100_000, seedCount: 20),
        Limit(differences: 5_000, byteCount: 500_000, seedCount: 10),
    ]

    @Test("Maps become equal, within the bytes for their differences and at most 4 round trips", arguments: limits)
    func cost(limit: Limit) throws {
        var bytes: [Int] = []
        var slowCount = 0
        var trips: [Int: Int] = [:]
        for seed in 0..<limit.seedCount {
            let cost = try measureRound(differences: limit.differences, seed: seed)
            #expect(cost.isEqual, "seed \(seed)")
            #expect(cost.violations.isEmpty, "seed \(seed)")
            #expect(cost.counted.differenceCount == limit.differences, "seed \(seed)")
            #expect(!cost.counted.isStream, "seed \(seed)")
            bytes.append(cost.byteCount)
            trips[Int(cost.roundTrips.rounded(.up)), default: 0] += 1
            slowCount += cost.roundTrips > 4 || cost.counted.roundTripCount > 4 ? 1 : 0
        }
        bytes.sort()
        let summary =
            "bytes \(bytes[0]) to \(bytes[bytes.count - 1]), mean \(bytes.reduce(0, +) / bytes.count), "
            + "95th \(bytes[bytes.count * 95 / 100]); round trips \(trips.sorted { $0.key < $1.key })"
        #expect(bytes[bytes.count * 95 / 100] <= limit.byteCount, "\(summary)")
        #expect(slowCount == 0, "\(summary)")
        print("\(limit.differences) differences: \(summary)")
    }

    /// With the first burst, which comes with the summary, and a round trip for what is wanted that makes four.
    @Test("Three bursts of symbols are enough for few differences, however wrong the first estimate is")
    func bursts() {
        var random = SplitMix64(seed: 5)
        var slow: [Int: Int] = [:]
        for differences in [5, 12, 20, 30, 44, 70, 100] {
            for _ in 0..<2_000 {
                var sketches = Array(repeating: Sketch(symbolCount: Sketch.keptSymbolCount), count: 2)
                for _ in 0..<differences { sketches[Int.random(in: 0...1, using: &random)].add(random.next()) }
                var decoder = SketchDecoder()
                var end = Round.firstSymbolCount
                var count = 0
                while true {
                    let range = decoder.symbolCount..<end
                    decoder.append(remote: sketches[0].symbols[range], local: sketches[1].symbols[range])
                    count += 1
                    if decoder.isComplete { break }
                    let next = NextBurst.after(
                        symbolCount: end, estimate: decoder.estimatedDifference, ownCount: 20_000, peerCount: 20_000)
                    guard case .more(let more) = next else {
                        Issue.record("\(differences) differences: \(next)")
                        break
                    }
                    end = more
                }
                if count > 3 { slow[differences, default: 0] += 1 }
            }
        }
        // It was 1 of 400 when each burst was at least half as large as all before it together.
        #expect(slow.values.reduce(0, +) <= 3, "\(slow)")
    }

    @Test("The round trips that a member counts are those that the clock shows", arguments: [0, 1, 10, 100, 1_000])
    func counted(differences: Int) throws {
        let cost = try measureRound(differences: differences, seed: 77)
        #expect(abs(cost.roundTrips - Double(cost.counted.roundTripCount)) <= 0.5)
    }

    @Test("Both ends report a round's end, and the same numbers", arguments: [0, 3])
    func bothEnds(differences: Int) throws {
        let world = World(seed: 11)
        for name in ["a", "b"] { world.add(name, try makeRing(0)).memory.put(try makeEntry("data/x")) }
        for number in 0..<differences { world["a"].memory.put(try makeEntry("config/\(number)")) }
        world["a"].setAccessPoints(["b"])
        world.run(for: .seconds(5))
        let first = try #require(world["a"].finishedRounds.first)
        let second = try #require(world["b"].finishedRounds.first)
        #expect(first.differenceCount == differences && second.differenceCount == differences)
        #expect(first.roundTripCount == second.roundTripCount)
        #expect(first.byteCount <= second.byteCount + 32 && second.byteCount <= first.byteCount + 32)
    }

    @Test("A key that differs in both maps counts as two differences and gets the higher version")
    func rivals() throws {
        let world = World(seed: 12)
        for (origin, name) in [(1, "a"), (2, "b")] as [(UInt64, String)] {
            let member = world.add(name, try makeRing(0))
            for number in 0..<10 { member.memory.put(try makeEntry("data/\(number)")) }
            member.memory.put(try makeEntry("config/x", name, origin: origin))
        }
        world["a"].setAccessPoints(["b"])
        world.run(for: .seconds(2))
        #expect(world["a"].finishedRounds.first?.differenceCount == 2)
        #expect(try world["a"].value("config/x") == "b")
        #expect(try world["b"].value("config/x") == "b")
    }

    @Test("Rounds repeat about every minute on a quiet link, and cost next to nothing")
    func quiet() throws {
        let world = World(seed: 13)
        try world.addMembers(2) { $0 > 0 ? [0] : [] }
        try world["m0"].put("config/a")
        world.run(for: .seconds(3_600))
        let rounds = world["m1"].finishedRounds
        #expect((40...121).contains(rounds.count))
        #expect(rounds.dropFirst(2).allSatisfy { $0.differenceCount == 0 && $0.byteCount <= 128 })
        #expect(world.violations.isEmpty)
    }

    @Test("Writes while a round runs are neither lost nor mistaken", arguments: 0..<10 as Range<UInt64>)
    func busy(seed: UInt64) throws {
        let world = World(seed: seed)
        for name in ["a", "b"] {
            let member = world.add(name, try makeRing(0))
            member.storeDelay = .milliseconds(3)
            for number in 0..<500 {
                member.memory.put(try makeEntry(number < 300 ? "data/\(number)" : "data/\(name)-\(number)"))
            }
        }
        world["a"].setAccessPoints(["b"])
        for number in 0..<200 {
            world.run(for: .milliseconds(1))
            try world[Bool.random(using: &world.random) ? "a" : "b"].put("config/\(number % 50)", "\(number)")
        }
        world.run(for: .seconds(100))
        #expect(haveEqualMaps(world["a"], world["b"]), "seed \(seed)")
        #expect(world["a"].finishedRounds.last?.differenceCount == 0, "seed \(seed)")
        #expect(world.violations.isEmpty, "seed \(seed)")
    }
}
