// Keys added and removed while links are open.
import Gossip
import Replica
import SimulatedWorld
import Testing
import Trust

@Suite("Key changes")
struct KeyChangeTests {
    private func makePair(seed: UInt64) throws -> World {
        let world = World(seed: seed)
        world.add("b", try makeRing(0))
        world.add("a", try makeRing(0), dials: ["b"])
        world.run(for: .seconds(1))
        return world
    }

    @Test("A key added at both ends is proven on the open link")
    func added() throws {
        let world = try makePair(seed: 1)
        world["a"].setKeys(try makeRing(0, 40))
        world.run(for: .seconds(2))
        world["b"].setKeys(try makeRing(0, 40))
        world.run(for: .seconds(2))
        let both = try [makeKey(0).id, makeKey(40).id]
        #expect(world["a"].openLinks(to: "b").map(\.keyIDs) == [both])
        #expect(world["b"].openLinks(to: "a").map(\.keyIDs) == [both])
        #expect(world["a"].downs.isEmpty)
    }

    @Test("A link stays while one common key remains")
    func remaining() throws {
        let world = try makePair(seed: 2)
        for name in ["a", "b"] { world[name].setKeys(try makeRing(0, 40)) }
        world.run(for: .seconds(1))
        world["a"].setKeys(try makeRing(40))
        world.run(for: .seconds(10))
        #expect(world["a"].openLinks(to: "b").map(\.keyIDs) == [[try makeKey(40).id]])
        #expect(world["b"].openLinks(to: "a").map(\.keyIDs) == [[try makeKey(40).id]])
        #expect(world["a"].downs.isEmpty && world["b"].downs.isEmpty)
    }

    @Test("A link ends within 5 s when its last common key is removed at either end", arguments: ["a", "b"])
    func removed(name: String) throws {
        let world = try makePair(seed: 3)
        world[name].setKeys(try makeRing(40))
        world.run(for: .seconds(5))
        #expect(world["a"].openLinkCount == 0)
        #expect(world["b"].openLinkCount == 0)
        #expect(world["a"].downs.first?.reason == .noCommonKey)
        #expect(world["b"].downs.first?.reason == .noCommonKey)
    }

    @Test("A link ends within 5 s of a key's removal even when the peer does not answer the challenge")
    func mute() throws {
        let world = try makePair(seed: 4)
        world.tamper = { member, message in
            if member.name == "b", case .proof = message { return nil }
            return message
        }
        world["a"].setKeys(try makeRing(40))
        world.run(for: .seconds(5))
        #expect(world["a"].openLinkCount == 0)
    }

    @Test("A key that was removed opens no link again")
    func refusedAfterwards() throws {
        let world = try makePair(seed: 5)
        world["b"].setKeys(try makeRing(40))
        world.run(for: .seconds(60))
        #expect(world["b"].openLinkCount == 0)
        #expect(world["a"].failures.contains { $0.contains("no common key") })
        world["a"].setKeys(try makeRing(40))
        world.run(for: .seconds(2))
        #expect(world["b"].openLinkCount == 1, "and a change of keys dials again at once")
    }

    @Test("A rotation member by member, at any moment, never closes a link", arguments: 0..<20 as Range<UInt64>)
    func rotation(seed: UInt64) throws {
        let world = World(seed: seed)
        try world.addMembers(4) { number in (0..<number).map { $0 } }
        world.run(for: .seconds(2))
        for ring in [try makeRing(0, 40), try makeRing(40)] {
            for name in ["m0", "m1", "m2", "m3"].shuffled(using: &world.random) {
                world[name].setKeys(ring)
                world.run(for: .milliseconds(Int64.random(in: 0...40, using: &world.random)))
            }
            world.run(for: .seconds(1))
        }
        world.run(for: .seconds(10))
        for member in world.members {
            #expect(member.openLinkCount == 3, "seed \(seed)")
            #expect(member.downs.isEmpty, "seed \(seed)")
        }
        #expect(world.violations.isEmpty, "seed \(seed)")
    }

    @Test("A key removed while a link waits for its rival's silence does not open it")
    func removedWhileContending() throws {
        let world = try makePair(seed: 6)
        world["a"].restart(dials: ["b"])
        world.run(for: .milliseconds(500))
        #expect(world["b"].linkStatuses.contains { $0.phase == .contending })
        world["b"].forgetReports()
        world["b"].setKeys(try makeRing(40))
        world.run(for: .seconds(6))
        let opened = world["b"].reports.contains { if case .linkUp = $0 { true } else { false } }
        #expect(!opened)
    }
}
