// Clocks that are wrong: named at both ends, judged by the majority, and no reason to lose a link.
import Gossip
import Replica
import SimulatedWorld
import Testing
import Trust

@Suite("Clocks")
struct ClockTests {
    private func skew(_ member: Member) -> [Int64] {
        member.reports.compactMap { if case .clockSkew(_, let milliseconds) = $0 { milliseconds } else { nil } }
    }

    private func verdicts(_ member: Member) -> [String] {
        member.reports.compactMap { report in
            switch report {
            case .clockWrong: "wrong"
            case .clockRight: "right"
            default: nil
            }
        }
    }

    @Test(
        "A skew of over 60 s is reported at both ends with its size, once, and the link stays",
        arguments: [600_000, -600_000, 315_360_000_000] as [Int64])
    func both(offset: Int64) throws {
        let world = World(seed: 1)
        world.add("right", try makeRing(0))
        let wrong = world.add("wrong", try makeRing(0))
        wrong.clockOffset = offset
        wrong.setAccessPoints(["right"])
        world.run(for: .seconds(60))
        #expect(skew(world["right"]).map { ($0 - offset).magnitude < 100 } == [true])
        #expect(skew(wrong).map { ($0 + offset).magnitude < 100 } == [true])
        #expect(wrong.openLinks(to: "right").count == 1)
        let shown = try #require(wrong.openLinks(to: "right").first?.clockOffsetMilliseconds)
        #expect((shown + offset).magnitude < 100)
    }

    @Test("A skew of less than 60 s is nothing to report")
    func small() throws {
        let world = World(seed: 2)
        world.add("right", try makeRing(0))
        world.add("wrong", try makeRing(0)).clockOffset = 59_000
        world["wrong"].setAccessPoints(["right"])
        world.run(for: .seconds(60))
        #expect(skew(world["right"]).isEmpty && skew(world["wrong"]).isEmpty)
    }

    @Test("The member that most links call wrong refuses, the others do not, and it recovers by itself")
    func majority() throws {
        let world = World(seed: 3)
        try world.addMembers(4) { number in (0..<number).map { $0 } }
        world["m2"].clockOffset = 600_000
        world.run(for: .seconds(20))
        for member in world.members { #expect(member.isClockWrong == (member.name == "m2")) }
        #expect(verdicts(world["m2"]) == ["wrong"])
        world["m2"].clockOffset = 0
        world.run(for: .seconds(20))
        #expect(!world["m2"].isClockWrong)
        #expect(verdicts(world["m2"]) == ["wrong", "right"])
    }

    @Test("A clock that steps back during a ping breaks nothing")
    func stepsBack() throws {
        let world = World(seed: 4)
        try world.addMembers(2) { $0 > 0 ? [0] : [] }
        world.run(for: .seconds(6))
        world["m1"].clockOffset = -3_600_000
        world.run(for: .seconds(30))
        try world["m1"].put("config/a")
        world.run(for: .seconds(1))
        #expect(world["m0"].store.count == 1)
        #expect(world["m0"].openLinkCount == 1)
    }
}
