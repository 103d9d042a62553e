// Entries that a peer does not take: why, told to whom, and left out of later rounds for how long.
import Gossip
import Replica
import SimulatedWorld
import Testing
import Trust

@Suite("Refusals")
struct RefusalTests {
    /// `ahead` runs 10 minutes ahead of `right`.
    private func makePair(seed: UInt64, aheadDials: Bool = true) throws -> World {
        let world = World(seed: seed)
        world.add("right", try makeRing(0))
        world.add("ahead", try makeRing(0)).clockOffset = 600_000
        world[aheadDials ? "ahead" : "right"].setAccessPoints([aheadDials ? "right" : "ahead"])
        world.run(for: .seconds(1))
        return world
    }

    private func refusals(_ member: Member, _ refusal: Refusal, byPeer: Bool) -> Int {
        member.reports.reduce(0) { sum, report in
            if case .refused(_, let count, refusal, byPeer, _) = report { sum + count } else { sum }
        }
    }

    /// The rounds finished in the last two minutes at the end that dialled.
    private func laterRounds(_ world: World, _ dialler: String) -> [RoundStatistics] {
        world[dialler].forgetReports()
        world.run(for: .seconds(120))
        return world[dialler].finishedRounds
    }

    @Test(
        "An entry ahead of time is refused with its reason at both ends, and rounds are equal without it",
        arguments: [false, true])
    func ahead(aheadDials: Bool) throws {
        let world = try makePair(seed: 1, aheadDials: aheadDials)
        try world["ahead"].put("config/a")
        try world["right"].put("config/b")
        world.run(for: .seconds(1))
        #expect(world["right"].store.count == 1)
        #expect(world["ahead"].store.count == 2)
        #expect(refusals(world["right"], .aheadOfTime, byPeer: false) == 1)
        #expect(refusals(world["ahead"], .aheadOfTime, byPeer: true) == 1)
        let rounds = laterRounds(world, aheadDials ? "ahead" : "right")
        #expect(!rounds.isEmpty && rounds.allSatisfy { $0.differenceCount == 0 })
        #expect(world.violations.isEmpty)
    }

    @Test("An entry ahead of time is taken once its time has come", arguments: [false, true])
    func lapses(aheadDials: Bool) throws {
        let world = try makePair(seed: 2, aheadDials: aheadDials)
        try world["ahead"].put("config/a")
        world.run(for: .seconds(500))
        #expect(world["right"].store.count == 0)
        world.run(for: .seconds(140))
        #expect(world["right"].store.count == 1)
    }

    @Test("An entry refused over an older one of the same key leaves rounds equal", arguments: [false, true])
    func shadowed(aheadDials: Bool) throws {
        let world = try makePair(seed: 3, aheadDials: aheadDials)
        try world["right"].put("config/a", "old")
        world.run(for: .seconds(1))
        try world["ahead"].put("config/a", "new")
        world.run(for: .seconds(1))
        #expect(try world["right"].value("config/a") == "old")
        let rounds = laterRounds(world, aheadDials ? "ahead" : "right")
        #expect(!rounds.isEmpty && rounds.allSatisfy { $0.differenceCount == 0 })
    }

    @Test("A change of a refused entry is sent like any other")
    func changed() throws {
        let world = try makePair(seed: 4)
        try world["ahead"].put("config/a", "ahead")
        world.run(for: .seconds(1))
        world["ahead"].clockOffset = 0
        let stamped = try makeEntry("config/a", "right", clock: 2_000)
        world["ahead"].commit([stamped])
        world.run(for: .seconds(1))
        #expect(try world["right"].value("config/a") == "right")
        let rounds = laterRounds(world, "ahead")
        #expect(!rounds.isEmpty && rounds.allSatisfy { $0.differenceCount == 0 })
    }

    @Test("A refusal that comes after its entry was replaced spoils no round")
    func late() throws {
        let world = try makePair(seed: 5)
        try world["ahead"].put("config/a", "ahead")
        world.run(for: .milliseconds(5))
        world["ahead"].commit([try makeEntry("config/a", "right", clock: 2_000)])
        world.run(for: .seconds(1))
        #expect(try world["right"].value("config/a") == "right")
        let rounds = laterRounds(world, "ahead")
        #expect(!rounds.isEmpty && rounds.allSatisfy { $0.differenceCount == 0 })
    }

    @Test("A lease whose time is over is refused, and rounds are equal without it", arguments: [false, true])
    func expired(lateDials: Bool) throws {
        let world = World(seed: 6)
        world.add("right", try makeRing(0))
        let late = world.add("late", try makeRing(0))
        late.clockOffset = -241_000
        world[lateDials ? "late" : "right"].setAccessPoints([lateDials ? "right" : "late"])
        world.run(for: .seconds(1))
        try late.put("server/late", lease: 20_000)
        world.run(for: .seconds(1))
        #expect(world["right"].store.count == 0)
        #expect(refusals(world["right"], .expired, byPeer: false) == 1)
        let dialler = lateDials ? "late" : "right"
        #expect(laterRounds(world, dialler).allSatisfy { $0.differenceCount == 0 })
    }

    @Test("A lease that expires while its refusal is under way spoils no round")
    func expiring() throws {
        let world = World(seed: 7)
        world.add("right", try makeRing(0)).clockOffset = 241_000
        world.add("late", try makeRing(0), dials: ["right"])
        world.run(for: .seconds(1))
        try world["late"].put("server/late", lease: 900)
        world.run(for: .milliseconds(15))
        world["late"].clockOffset = 241_000
        world["late"].expire()
        world.run(for: .seconds(1))
        #expect(refusals(world["right"], .expired, byPeer: false) == 1)
        let rounds = laterRounds(world, "late")
        #expect(!rounds.isEmpty && rounds.allSatisfy { $0.differenceCount == 0 })
    }

    @Test("Too many refusals rest the reconciliation on the link, and are reported")
    func rest() throws {
        let world = World(seed: 8)
        var settings = EngineSettings()
        settings.leftOutCountMax = 50
        world.add("right", try makeRing(0), settings: settings)
        world.add("ahead", try makeRing(0), dials: ["right"], settings: settings).clockOffset = 600_000
        for number in 0..<60 { try world["ahead"].put("config/\(number)") }
        world.run(for: .seconds(300))
        let rests = world["ahead"].reports.contains { if case .reconciliationRests = $0 { true } else { false } }
        #expect(rests)
        #expect(world["ahead"].openLinks(to: "right").count == 1)
        #expect(world.violations.isEmpty)
    }
}
