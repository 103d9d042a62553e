// Maps sent whole, in key order: to new members, and after a break from where it got to.
import Gossip
import Replica
import SimulatedWorld
import Testing
import Trust

@Suite("Streams")
struct StreamTests {
    private func makePair(seed: UInt64, full: Int, fullDials: Bool, window: Int = 4 << 20) throws -> World {
        let world = World(seed: seed)
        let ring = try makeRing(0)
        var settings = EngineSettings()
        settings.creditWindow = window
        let member = world.add("full", ring, settings: settings)
        for number in 0..<full {
            member.memory.put(try makeEntry("data/\(10_000 + number)", String(repeating: "x", count: 400)))
        }
        world.add("new", ring, settings: settings)
        world[fullDials ? "full" : "new"].setAccessPoints([fullDials ? "new" : "full"])
        return world
    }

    @Test("An empty member gets the whole map as a stream, whoever dialled", arguments: [false, true])
    func empty(fullDials: Bool) throws {
        let world = try makePair(seed: 1, full: 5_000, fullDials: fullDials)
        world.run(for: .seconds(10))
        #expect(haveEqualMaps(world["new"], world["full"]))
        let rounds = world[fullDials ? "full" : "new"].finishedRounds
        #expect(rounds.first?.isStream == true)
        #expect(rounds.count == 2 && rounds.last?.differenceCount == 0)
        #expect(world.violations.isEmpty)
    }

    @Test("Two empty members have nothing to stream")
    func nothing() throws {
        let world = try makePair(seed: 2, full: 0, fullDials: false)
        world.run(for: .seconds(5))
        #expect(world["new"].finishedRounds.map(\.isStream) == [false])
    }

    @Test("A stream does not repeat what it carries, and stays within the credit", arguments: [16 << 10, 4 << 20])
    func once(window: Int) throws {
        let world = World(seed: 3)
        var settings = EngineSettings()
        settings.creditWindow = window
        world.keepsAccounts = true
        let full = world.add("full", try makeRing(0), settings: settings)
        for number in 0..<3_000 { full.memory.put(try makeEntry("data/\(number)", String(repeating: "x", count: 400))) }
        world.add("new", try makeRing(0), dials: ["full"], settings: settings)
        world.run(for: .seconds(10))
        #expect(world["new"].store.count == 3_000)
        let end = world.connections[0].ends[1]
        #expect(end.sentEntries.count == 3_000 && end.sentEntries.values.allSatisfy { $0 == 1 })
        #expect(end.outstandingMax <= window + Message.entriesByteCountTarget)
        #expect(world.violations.isEmpty)
    }

    @Test("A broken stream goes on after the last key that was committed", arguments: [false, true])
    func resumed(fullDials: Bool) throws {
        let world = try makePair(seed: 4, full: 10_000, fullDials: fullDials, window: 300_000)
        world.keepsAccounts = true
        world["new"].storeDelay = .milliseconds(50)
        world.run(until: { world["new"].store.count > 500 }, limit: .seconds(10))
        world.cut("full", "new", staysCut: false)
        world.run(for: .milliseconds(60))
        let committed = world["new"].store.count
        #expect(committed < 2_000)
        world.run(for: .seconds(30))
        #expect(haveEqualMaps(world["new"], world["full"]))
        let resumed = world["new"].reports.contains {
            if case .streamStarted(_, "full", _, true, true) = $0 { true } else { false }
        }
        #expect(resumed)
        let last = try #require(world.connections.last)
        let sent = last.ends.reduce(0) { $0 + $1.sentEntries.count }
        #expect(sent <= 10_000 - committed + 600, "at most the part under way is sent again")
    }

    @Test("Maps that have little in common become equal", arguments: [false, true])
    func strangers(isLarger: Bool) throws {
        let world = World(seed: 5)
        for (name, count) in [("a", isLarger ? 4_000 : 3_000), ("b", isLarger ? 3_000 : 4_000)] {
            let member = world.add(name, try makeRing(0))
            for number in 0..<count { member.memory.put(try makeEntry("data/\(name)-\(number)")) }
        }
        world["a"].setAccessPoints(["b"])
        world.run(for: .seconds(30))
        #expect(world["a"].store.count == 7_000)
        #expect(haveEqualMaps(world["a"], world["b"]))
        #expect(world.violations.isEmpty)
    }

    @Test("Maps of the same keys become equal, whichever end has the newer entries", arguments: ["a", "b", "both"])
    func sameKeys(newer: String) throws {
        let world = World(seed: 8)
        for name in ["a", "b"] {
            let member = world.add(name, try makeRing(0))
            for number in 0..<2_000 {
                let isNewer = newer == name || newer == "both" && number.isMultiple(of: 2) == (name == "a")
                member.memory.put(try makeEntry("data/\(number)", "of \(name)", clock: isNewer ? 2 : 1))
            }
        }
        world["a"].setAccessPoints(["b"])
        world.run(for: .seconds(5))
        #expect(haveEqualMaps(world["a"], world["b"]))
        #expect(try world["a"].value("data/1") == (newer == "a" ? "of a" : "of b"))
        #expect(world.violations.isEmpty)
    }

    @Test("Writes during a stream arrive as well", arguments: [false, true])
    func writes(fullDials: Bool) throws {
        let world = try makePair(seed: 6, full: 3_000, fullDials: fullDials)
        world["new"].storeDelay = .milliseconds(20)
        for number in 0..<50 {
            world.run(for: .milliseconds(10))
            try world["full"].put("config/\(number)")
            try world["new"].put("data/0\(number)")
        }
        world.run(for: .seconds(30))
        #expect(world["new"].store.count == 3_100)
        #expect(haveEqualMaps(world["new"], world["full"]))
        #expect(world.violations.isEmpty)
    }

    @Test("A store that fails in mid-stream costs neither the link nor the rest of the map", arguments: [false, true])
    func failure(fullDials: Bool) throws {
        let world = try makePair(seed: 7, full: 5_000, fullDials: fullDials)
        world["new"].storeDelay = .milliseconds(20)
        world.run(until: { world["new"].store.count > 1_000 }, limit: .seconds(10))
        world["new"].storeFails = true
        world.run(for: .milliseconds(300))
        world["new"].storeFails = false
        world.run(for: .seconds(180))
        #expect(haveEqualMaps(world["new"], world["full"]))
        #expect(world["new"].downs.isEmpty && world["full"].downs.isEmpty)
        #expect(world.violations.isEmpty)
    }
}
