// Stores that fail, peers that go against the protocol, and dialling that comes to nothing.
import Gossip
import NIOCore
import Replica
import SimulatedWorld
import Testing
import Trust

@Suite("Failures")
struct FailureTests {
    private func makePair(seed: UInt64) throws -> World {
        let world = World(seed: seed)
        world.add("b", try makeRing(0))
        world.add("a", try makeRing(0), dials: ["b"])
        return world
    }

    @Test("A round that the store of either end fails is given up, and a later one repairs", arguments: ["a", "b"])
    func round(failing: String) throws {
        let world = try makePair(seed: 1)
        for name in ["a", "b"] {
            for number in 0..<50 { try world[name].put("data/\(name)-\(number)") }
        }
        world[failing].storeFails = true
        world.run(for: .seconds(20))
        #expect(world[failing].store.count == 50)
        world[failing].storeFails = false
        world.run(for: .seconds(150))
        #expect(haveEqualMaps(world["a"], world["b"]))
        #expect(world["a"].downs.isEmpty && world["b"].downs.isEmpty)
        #expect(world.violations.isEmpty)
    }

    @Test("Live changes that the store fails to take come with a later round", arguments: ["a", "b"])
    func live(failing: String) throws {
        let world = try makePair(seed: 2)
        world.run(for: .seconds(2))
        world[failing].storeFails = true
        try world[failing == "a" ? "b" : "a"].put("config/x")
        world.run(for: .seconds(1))
        world[failing].storeFails = false
        world.run(for: .seconds(20))
        #expect(world[failing].store.count == 1, "within 20 s")
        world.run(for: .seconds(300))
        #expect(world.violations.isEmpty)
    }

    @Test("A quiet pair of members has nothing overdue for ten minutes")
    func quiet() throws {
        let world = try makePair(seed: 3)
        world.run(for: .seconds(600))
        #expect(world.violations.isEmpty)
    }

    @Test("A member dials again after ever longer waits, with jitter, and at most 30 s apart")
    func backoff() throws {
        let world = World(seed: 4)
        world.add("a", try makeRing(0), dials: ["nobody"])
        world.run(for: .seconds(10))
        #expect((4...8).contains(world.dialCount))
        let early = world.dialCount
        world.run(for: .seconds(600))
        #expect((20...60).contains(world.dialCount - early))
        #expect(world["a"].failures == ["unreachable"], "told once for each new reason")
    }

    @Test("An access point taken out of the configuration is let go and dialled no more")
    func removed() throws {
        let world = try makePair(seed: 5)
        world.run(for: .seconds(1))
        world["a"].setAccessPoints([])
        world.run(for: .seconds(60))
        #expect(world["b"].downs.map(\.reason) == [.configuration])
        #expect(world.dialCount == 1)
        #expect(world["a"].accessPointStatuses.isEmpty)
    }

    @Test("A message that cannot be read ends the link with the reason at both ends")
    func malformed() throws {
        let world = try makePair(seed: 6)
        world.run(for: .seconds(1))
        let link = try #require(world["b"].openLinks(to: "a").first?.id)
        world["b"].input { $0.receivedMalformed(.unknownType(99), from: link, at: $1) }
        world.run(for: .milliseconds(100))
        #expect(world["b"].downs.map(\.reason) == [.protocolError])
        #expect(world["a"].downs.map(\.reason) == [.protocolError])
        #expect(world["a"].downs.first?.detail.contains("99") == true)
    }

    /// A round's messages as a peer out of its mind might send them, one after the other.
    private static let outOfTurn: [[String]] = [
        [
            "04 00000007 0000000000000005 00112233445566778899aabbccddeeff", "05 00000007 00000000 00000800 01",
            "05 00000007 00000000 00001000 01",
        ],
        ["04 00000007 0000000000000005 00112233445566778899aabbccddeeff", "05 00000007 00000000 00000800 00"],
        [
            "04 00000007 0000000000000005 00112233445566778899aabbccddeeff", "05 00000007 00000000 00000000 01",
            "07 00000007 00000001 0123456789abcdef", "07 00000007 00000000",
        ],
        ["05 00000007 00000000 00000010 00"], ["07 00000007 00000001 0123456789abcdef"],
        ["06 00000007 00000000 0000000000000064 00000000"], ["0a 00000007"], ["0b 00000007 00000064 03"], ["0c"],
        ["08 03 00000007 0000"], ["08 01 00000007 0000"], ["09 00000007 0000"], ["0e ffffffff", "0e ffffffff"],
        ["10 0123456789abcdef 0000018bcfe56800"], ["10 0000000000000000 ffffffffffffffff"],
        [
            "0d 0001 0006 646174612f78 00112233445566778899aabbccddeeff 02 0000000000000000",
            "04 00000008 0000000000000000 00000000000000000000000000000000",
        ],
        ["03 00000000 \(String(repeating: "00", count: 32)) 00"],
    ]

    @Test(
        "Messages out of turn are ignored or end the link, whichever end gets them, and never more than that",
        arguments: outOfTurn, ["a", "b"])
    func nonsense(messages: [String], receiver: String) throws {
        let world = try makePair(seed: 7)
        for number in 0..<5 { try world["b"].put("data/\(number)") }
        world.run(for: .seconds(2))
        world["a"].storeDelay = .milliseconds(1)
        world["b"].storeDelay = .milliseconds(1)
        let link = try #require(world[receiver].openLinks(to: receiver == "a" ? "b" : "a").first?.id)
        for fields in messages {
            let decoded = try Message.decode(WireExample(name: "", fields: fields).buffer)
            let message = try #require(decoded)
            world[receiver].input { $0.received(message, from: link, at: $1) }
            if fields == messages[0] { world.run(for: .milliseconds(2)) }
        }
        world.run(for: .seconds(200))
        #expect(world["a"].openLinkCount == 1, "by now there is a link again")
        #expect(haveEqualMaps(world["a"], world["b"]))
    }
}
