// Peers that take data slowly or not at all: bounded memory, bounded credit, and repair afterwards.
import Gossip
import Replica
import SimulatedWorld
import Testing
import Trust

@Suite("Slow peers")
struct SlowPeerTests {
    private func makePair(seed: UInt64, slowDials: Bool, window: Int = 4 << 20) throws -> World {
        let world = World(seed: seed)
        var settings = EngineSettings()
        settings.creditWindow = window
        settings.outboxKeyCountMax = 100
        world.add("slow", try makeRing(0), settings: settings)
        world.add("fast", try makeRing(0), settings: settings)
        world[slowDials ? "slow" : "fast"].setAccessPoints([slowDials ? "fast" : "slow"])
        world.run(for: .seconds(2))
        world["slow"].storeDelay = .milliseconds(200)
        return world
    }

    private func drops(_ member: Member) -> Int {
        member.reports.count { if case .outboxDropped = $0 { true } else { false } }
    }

    @Test("An outbox over its limit is dropped, said once, and a round repairs it", arguments: [false, true])
    func dropped(slowDials: Bool) throws {
        let world = try makePair(seed: 1, slowDials: slowDials, window: 10_000)
        for number in 0..<2_000 {
            try world["fast"].put("data/\(number)", String(repeating: "x", count: 100))
            world.run(for: .milliseconds(1))
        }
        #expect(drops(world["fast"]) == 1)
        #expect(world["slow"].store.count < 1_000)
        world["slow"].storeDelay = .milliseconds(1)
        world.run(for: .seconds(25))
        #expect(world["slow"].store.count == 2_000, "within 25 s of being quick again")
        #expect(haveEqualMaps(world["slow"], world["fast"]))
        #expect(world.violations.isEmpty)
    }

    @Test("While a peer is busy, writes of one key are sent once, in their newest form")
    func conflation() throws {
        let world = try makePair(seed: 2, slowDials: true, window: 1_000)
        world.keepsAccounts = true
        for number in 0..<500 {
            try world["fast"].put("data/\(number % 5)", "value number \(number)")
            world.run(for: .milliseconds(1))
        }
        world["slow"].storeDelay = .milliseconds(1)
        world.run(for: .seconds(200))
        let sent = world.connections.flatMap(\.ends).reduce(0) { $0 + $1.sentEntries.count }
        #expect(sent < 60)
        #expect(drops(world["fast"]) == 0)
        #expect(try world["slow"].value("data/4") == "value number 499")
        #expect(world.violations.isEmpty)
    }

    @Test("What is under way never exceeds the credit by more than one message", arguments: [1_000, 100_000])
    func credit(window: Int) throws {
        let world = try makePair(seed: 3, slowDials: true, window: window)
        world["slow"].storeDelay = .milliseconds(40)
        let value = String(repeating: "x", count: 2_000)
        for number in 0..<300 {
            try world["fast"].put("data/\(number)", value)
            world.run(for: .milliseconds(2))
        }
        world.run(for: .seconds(300))
        let connection = try #require(world.connections.first)
        let most = connection.ends.map(\.outstandingMax).max() ?? 0
        #expect(most <= window + Message.entriesByteCountTarget)
        #expect(world["slow"].store.count == 300)
        #expect(world.violations.isEmpty)
    }

    @Test("A slow peer delays nobody else")
    func others() throws {
        let world = try makePair(seed: 4, slowDials: true, window: 10_000)
        world.add("third", try makeRing(0), dials: ["fast"])
        world.run(for: .seconds(2))
        let value = String(repeating: "x", count: 1_000)
        for number in 0..<200 { try world["fast"].put("data/\(number)", value) }
        world.run(for: .milliseconds(100))
        #expect(world["third"].store.count == 200)
        #expect(world["slow"].store.count < 200)
    }

    @Test("Control messages pass while the credit is used up")
    func control() throws {
        let world = try makePair(seed: 5, slowDials: true, window: 1_000)
        world["slow"].storeDelay = .seconds(100)
        for number in 0..<90 { try world["fast"].put("data/\(number)", String(repeating: "x", count: 100)) }
        world.run(for: .seconds(60))
        #expect(world["fast"].downs.isEmpty && world["slow"].downs.isEmpty)
        #expect(world["fast"].openLinks(to: "slow").count == 1)
    }
}
