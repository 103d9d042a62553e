// What a peer proven by a gateway's key alone may write, and what it is given.
import Gossip
import Replica
import SimulatedWorld
import Testing
import Trust

@Suite("Gateway keys")
struct GatewayTests {
    /// A full member `full` and a gateway `gate` joined by a gateway's key.
    private func makePair(seed: UInt64) throws -> World {
        let world = World(seed: seed)
        let ring = try KeyRing([makeKey(0), makeKey(40, scope: .gateway)])
        world.add("full", ring)
        world.add("gate", try makeRing(40, scope: .gateway), dials: ["full"])
        world.run(for: .seconds(1))
        return world
    }

    @Test("A full member knows the scope of a gateway's link, and the gateway takes everything")
    func scopes() throws {
        let world = try makePair(seed: 1)
        #expect(world["full"].openLinks(to: "gate").map(\.isGatewayScoped) == [true])
        #expect(world["gate"].openLinks(to: "full").map(\.isGatewayScoped) == [false])
        try world["full"].put("config/motd", "hello")
        try world["full"].put("session/full/1", "x", lease: 90_000)
        world.run(for: .seconds(1))
        #expect(try world["gate"].value("config/motd") == "hello")
        #expect(try world["gate"].value("session/full/1") == "x")
    }

    @Test("A gateway's own server, login and session entries reach the full member", arguments: [false, true])
    func own(before: Bool) throws {
        let world = before ? World(seed: 2) : try makePair(seed: 2)
        if before {
            world.add("full", try KeyRing([makeKey(0), makeKey(40, scope: .gateway)]))
            world.add("gate", try makeRing(40, scope: .gateway))
        }
        let keys = ["server/gate", "login/gate/1", "session/gate/1"]
        for key in keys { try world["gate"].put(key, "x", lease: 90_000) }
        if before { world["gate"].setAccessPoints(["full"]) }
        world.run(for: .seconds(2))
        for key in keys { #expect(try world["full"].value(key) == "x") }
    }

    @Test("A gateway sends nothing that is not its own")
    func restraint() throws {
        let world = try makePair(seed: 3)
        for key in ["config/a", "data/a"] { try world["gate"].put(key) }
        for key in ["session/other/1", "server/other", "reservation/gate/1"] {
            try world["gate"].put(key, lease: 90_000)
        }
        world.run(for: .seconds(2))
        #expect(world["full"].store.count == 0)
        #expect(world.violations.isEmpty)
    }

    @Test("What a gateway writes of others is refused as not allowed, whatever its program sends")
    func refusal() throws {
        let world = try makePair(seed: 4)
        let forged = try ["config/scripts", "session/full/1", "server/gate2", "login/gat/1"].map { key in
            LocalWrite(key: try Key(key), change: .put([1], leaseMilliseconds: 90_000))
                .entry(Version(clock: Clock(world["gate"].wall), origin: Origin(raw: 7)))
        }
        world.tamper = { member, message in
            guard member.name == "gate", case .entries(var entries) = message else { return message }
            entries.batch = EntryBatch(forged)
            return .entries(entries)
        }
        try world["gate"].put("server/gate", lease: 90_000)
        world.run(for: .milliseconds(100))
        #expect(world["full"].store.count == 0)
        let refused = world["full"].reports.contains {
            if case .refused("gate", 4, .notAllowed, false, _) = $0 { true } else { false }
        }
        #expect(refused)
    }

    @Test("A link that a full key proves as well is not limited")
    func bothKeys() throws {
        let world = World(seed: 5)
        let ring = try KeyRing([makeKey(0), makeKey(40, scope: .gateway)])
        world.add("b", ring)
        world.add("a", ring, dials: ["b"])
        world.run(for: .seconds(1))
        try world["a"].put("config/a")
        world.run(for: .seconds(1))
        #expect(world["b"].openLinks(to: "a").map(\.isGatewayScoped) == [false])
        #expect(try world["b"].value("config/a") == "v")
        #expect(!world["b"].isPartitionedByGateways)
    }

    @Test("Full members joined by a gateway alone are no cluster, and each says so")
    func partition() throws {
        let world = World(seed: 6)
        let ring = try KeyRing([makeKey(0), makeKey(40, scope: .gateway)])
        world.add("f1", ring)
        world.add("f2", ring)
        world.add("gate", try makeRing(40, scope: .gateway), dials: ["f1", "f2"])
        world.run(for: .seconds(1))
        try world["f1"].put("config/a")
        world.run(for: .seconds(5))
        #expect(try world["gate"].value("config/a") == "v")
        #expect(try world["f2"].value("config/a") == nil)
        #expect(world["f1"].isPartitionedByGateways)
        #expect(!world["gate"].isPartitionedByGateways)
    }

    @Test("A gateway that may not pass anything on to an empty member does not go round in circles")
    func circles() throws {
        let world = World(seed: 7)
        let ring = try KeyRing([makeKey(0), makeKey(40, scope: .gateway)])
        world.add("f1", ring)
        world.add("f2", ring)
        try world["f1"].put("config/a")
        world.add("gate", try makeRing(40, scope: .gateway), dials: ["f1"])
        world.run(for: .seconds(2))
        world["gate"].setAccessPoints(["f1", "f2"])
        world.run(for: .seconds(60))
        let requests = world.openConnections("gate", "f2")
            .flatMap(\.ends).reduce(0) { $0 + ($1.messageCounts["summary"] ?? 0) }
        #expect(requests <= 40, "summaries on a link with nothing to give")
    }
}
