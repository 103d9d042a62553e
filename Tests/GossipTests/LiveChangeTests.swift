// Changes on their way through a cluster: everywhere, once over each link, never back.
import Gossip
import Replica
import SimulatedWorld
import Testing
import Trust

@Suite("Live changes")
struct LiveChangeTests {
    /// How often each entry went over each direction of each connection.
    private func counts(_ world: World, _ entry: Entry) -> [String: Int] {
        var counts: [String: Int] = [:]
        for connection in world.connections {
            for end in 0..<2 {
                guard let count = connection.ends[end].sentEntries[entry.digest] else { continue }
                counts["\(connection.ends[end].member.name) to \(connection.ends[1 - end].member.name)"] = count
            }
        }
        return counts
    }

    @Test("A change goes along a chain of three once over each link and is not sent back")
    func chain() throws {
        let world = World(seed: 1)
        world.keepsAccounts = true
        try world.addMembers(3) { $0 > 0 ? [$0 - 1] : [] }
        world.run(for: .seconds(2))
        let entry = try world["m0"].put("config/a", "1")
        world.run(for: .milliseconds(25))
        #expect(try world["m2"].value("config/a") == "1")
        world.run(for: .seconds(200))
        #expect(counts(world, entry) == ["m0 to m1": 1, "m1 to m2": 1])
    }

    @Test("A change at the edge of a star of seven reaches everybody once")
    func star() throws {
        let world = World(seed: 2)
        world.keepsAccounts = true
        try world.addMembers(7) { $0 > 0 ? [0] : [] }
        world.run(for: .seconds(2))
        let entry = try world["m3"].put("config/a", "1")
        world.run(for: .milliseconds(25))
        for member in world.members { #expect(try member.value("config/a") == "1") }
        world.run(for: .seconds(200))
        var expected = ["m3 to m0": 1]
        for number in [1, 2, 4, 5, 6] { expected["m0 to m\(number)"] = 1 }
        #expect(counts(world, entry) == expected)
    }

    @Test("Where links form a ring a change goes over each link at most once each way")
    func ring() throws {
        let world = World(seed: 3)
        world.keepsAccounts = true
        try world.addMembers(5) { [($0 + 1) % 5] }
        world.run(for: .seconds(2))
        let entry = try world["m0"].put("config/a", "1")
        world.run(for: .seconds(200))
        for member in world.members { #expect(try member.value("config/a") == "1") }
        #expect(counts(world, entry).values.allSatisfy { $0 == 1 })
        #expect(counts(world, entry).count <= 6)
    }

    @Test("Of two writes of one key the later one wins at every member, whichever arrives first")
    func conflict() throws {
        let world = World(seed: 4)
        try world.addMembers(3) { $0 > 0 ? [$0 - 1] : [] }
        world.run(for: .seconds(2))
        try world["m0"].put("config/a", "first")
        world.run(for: .milliseconds(1))
        try world["m2"].put("config/a", "second")
        world.run(for: .seconds(1))
        for member in world.members { #expect(try member.value("config/a") == "second") }
    }

    @Test("A tombstone goes the way that values go")
    func tombstone() throws {
        let world = World(seed: 5)
        try world.addMembers(3) { $0 > 0 ? [$0 - 1] : [] }
        try world["m0"].put("config/a", "1")
        world.run(for: .seconds(2))
        try world["m2"].delete("config/a")
        world.run(for: .seconds(1))
        for member in world.members {
            #expect(try member.value("config/a") == nil)
            #expect(member.store.count == 1)
        }
    }

    @Test("A key deleted while a member was away stays deleted when it comes back, and its own writes are kept")
    func away() throws {
        let world = World(seed: 6)
        try world.addMembers(2) { $0 > 0 ? [0] : [] }
        try world["m0"].put("config/a", "1")
        world.run(for: .seconds(2))
        world.cut("m0", "m1")
        try world["m0"].delete("config/a")
        try world["m1"].put("config/b", "2")
        world.run(for: .seconds(3_600))
        world.heal("m0", "m1")
        world.run(for: .seconds(60))
        for member in world.members {
            #expect(try member.value("config/a") == nil)
            #expect(try member.value("config/b") == "2")
        }
    }

    @Test("Missed changes are found by a round at once")
    func missed() throws {
        let world = World(seed: 7)
        try world.addMembers(2) { $0 > 0 ? [0] : [] }
        world.run(for: .seconds(2))
        for name in ["m0", "m1"] {
            world[name].memory.put(try makeEntry("data/of-\(name)"))
            world[name].input { $0.changesMissed(at: $1) }
        }
        world.run(for: .seconds(2))
        for member in world.members { #expect(member.store.count == 2) }
    }

    @Test("A delta lost on the way is repaired by a later round")
    func lost() throws {
        let world = World(seed: 8)
        try world.addMembers(2) { $0 > 0 ? [0] : [] }
        world.run(for: .seconds(2))
        world.tamper = { _, message in if case .entries = message { nil } else { message } }
        try world["m0"].put("config/a")
        world.run(for: .seconds(1))
        world.tamper = nil
        #expect(world["m1"].store.count == 0)
        world.run(for: .seconds(95))
        #expect(world["m1"].store.count == 1)
    }

    @Test("A batch larger than a message goes in several")
    func large() throws {
        let world = World(seed: 9)
        world.keepsAccounts = true
        try world.addMembers(2) { $0 > 0 ? [0] : [] }
        world.run(for: .seconds(2))
        let text = String(repeating: "x", count: 100_000)
        world["m0"].commit(try (0..<20).map { try makeEntry("data/\($0)", text) })
        world.run(for: .seconds(1))
        #expect(world["m1"].store.count == 20)
        #expect(world.connections[0].ends[1].messageCounts["entries"] ?? 0 >= 8)
        #expect(world.violations.isEmpty)
    }
}
