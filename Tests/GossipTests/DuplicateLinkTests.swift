// Several connections between two members, restarts and clones.
import Gossip
import Replica
import SimulatedWorld
import Testing
import Trust

@Suite("Duplicate links")
struct DuplicateLinkTests {
    /// Two members that dial each other at the same time.
    private func makePair(seed: UInt64, pause: Duration = .zero, lowerFirst: Bool = true) throws -> World {
        let world = World(seed: seed)
        let ring = try makeRing(0)
        world.add("a", ring)
        world.add("b", ring)
        world[lowerFirst ? "a" : "b"].setAccessPoints([lowerFirst ? "b" : "a"])
        world.run(for: pause)
        world[lowerFirst ? "b" : "a"].setAccessPoints([lowerFirst ? "a" : "b"])
        return world
    }

    @Test(
        "Of two links the one dialled by the lower server id survives, whichever came first and by however much",
        arguments: [0, 5, 15, 25, 35, 45, 55, 500], [true, false])
    func survivor(pause: Int, lowerFirst: Bool) throws {
        let world = try makePair(seed: 1, pause: .milliseconds(pause), lowerFirst: lowerFirst)
        world.run(for: .seconds(60))
        #expect(world["a"].openLinks(to: "b").map(\.isDialled) == [true])
        #expect(world["b"].openLinks(to: "a").map(\.isDialled) == [false])
        #expect(world.openConnections("a", "b").count == 1)
        #expect(world.dialCount <= 3, "the superfluous one is not dialled again")
        #expect(world.violations.isEmpty)
        let alarms = (world["a"].downs + world["b"].downs).filter { $0.reason != .duplicate }
        #expect(alarms.isEmpty)
    }

    @Test("The superfluous link is dialled again after the kept one is lost")
    func redialled() throws {
        let world = try makePair(seed: 2)
        world.run(for: .seconds(10))
        world["a"].setAccessPoints([])
        world.run(for: .seconds(3))
        #expect(world["b"].openLinks(to: "a").map(\.isDialled) == [true])
        #expect(world["a"].openLinks(to: "b").map(\.isDialled) == [false])
    }

    @Test("Two URLs of one member give one link")
    func twoURLs() throws {
        let world = World(seed: 3)
        world.add("b", try makeRing(0)).aliases = ["also-b"]
        world.add("a", try makeRing(0), dials: ["b", "also-b"])
        world.run(for: .seconds(60))
        #expect(world["a"].accessPointStatuses.map(\.phase) == ["open", "open"])
        #expect(world.dialCount == 2)
        #expect(world.openConnections("a", "b").count == 1)
    }

    @Test("A clone is refused at both ends while the first process answers")
    func clone() throws {
        let world = World(seed: 4)
        world.add("hub", try makeRing(0))
        world.add("twin", try makeRing(0), dials: ["hub"])
        world.run(for: .seconds(1))
        let copy = world.add("copy", try makeRing(0), serverID: "twin")
        copy.setAccessPoints(["hub"])
        world.run(for: .seconds(3))
        let alarms = world["hub"].reports.filter { if case .clone("twin", _) = $0 { true } else { false } }
        #expect(!alarms.isEmpty)
        #expect(copy.failures.contains { $0.contains("clone") })
        #expect(copy.openLinkCount == 0)
        #expect(world["twin"].openLinks(to: "hub").count == 1)
        #expect(world["twin"].downs.isEmpty)
    }

    @Test("A clone that dials its twin is named by both")
    func twins() throws {
        let world = World(seed: 5)
        world.add("twin", try makeRing(0))
        let copy = world.add("copy", try makeRing(0), serverID: "twin")
        copy.setAccessPoints(["twin"])
        world.run(for: .seconds(2))
        for member in [world["twin"], copy] {
            let alarms = member.reports.filter { if case .clone("twin", _) = $0 { true } else { false } }
            #expect(!alarms.isEmpty)
            #expect(member.openLinkCount == 0)
        }
    }

    @Test("A restarted member replaces its silent predecessor within 6 s")
    func restarted() throws {
        let world = World(seed: 6)
        world.add("hub", try makeRing(0))
        world.add("twin", try makeRing(0), dials: ["hub"])
        world.run(for: .seconds(1))
        world["twin"].restart(dials: ["hub"])
        world.run(for: .seconds(6))
        #expect(world["twin"].openLinks(to: "hub").count == 1)
        #expect(world["hub"].openLinks(to: "twin").count == 1)
        let alarms = world["hub"].reports.filter { if case .clone = $0 { true } else { false } }
        #expect(alarms.isEmpty)
    }

    @Test("A restarted member whose old connection was reset is back at once")
    func reset() throws {
        let world = World(seed: 7)
        world.add("hub", try makeRing(0))
        world.add("twin", try makeRing(0), dials: ["hub"])
        world.run(for: .seconds(1))
        world["twin"].restart(dials: ["hub"], silently: false)
        world.run(for: .seconds(1))
        #expect(world["hub"].openLinks(to: "twin").count == 1)
    }

    @Test("A link from which nothing comes is dead after 15 s and dialled again")
    func silence() throws {
        let world = World(seed: 8)
        world.add("b", try makeRing(0))
        world.add("a", try makeRing(0), dials: ["b"])
        world.run(for: .seconds(1))
        world.silence("a", "b")
        world.run(for: .seconds(22))
        #expect(world["a"].downs.map(\.reason) == [.timeout])
        #expect(world["a"].openLinks(to: "b").count == 1)
        #expect(world["b"].openLinks(to: "a").count == 1)
    }
}
