// Audit entries: to every full member, never over a link without a full key, and no difference there for ever.
import Gossip
import Replica
import SimulatedWorld
import Testing
import Trust

@Suite("Audit entries")
struct AuditTests {
    /// More than may be left out of reconciliation by key.
    private static let many = 5_000

    /// Full members `full` and `other`, linked by the full key, and a gateway `gate` between them.
    private func makeCluster(seed: UInt64, gateDials: Bool) throws -> World {
        let world = World(seed: seed)
        let ring = try KeyRing([makeKey(0), makeKey(40, scope: .gateway)])
        world.add("full", ring, dials: gateDials ? [] : ["gate"])
        world.add("other", ring, dials: gateDials ? ["full"] : ["full", "gate"])
        world.add("gate", try makeRing(40, scope: .gateway), dials: gateDials ? ["full", "other"] : [])
        return world
    }

    private func auditCount(_ member: Member) -> Int {
        var count = 0
        member.store.forEach { if member.world.pool[$0].isAudit { count += 1 } }
        return count
    }

    /// Begins rounds until the links of a member have had one after everything was still.
    private func laterRounds(_ world: World, _ name: String) -> [RoundStatistics] {
        world[name].forgetReports()
        world[name].input { $0.reconcile(at: $1) }
        world.run(for: .seconds(3))
        return world[name].finishedRounds
    }

    private func isShared(_ world: World) -> Bool {
        let (full, gate) = (world["full"].store.withoutAudit, world["gate"].store)
        return gate.count == full.count && gate.fingerprint == full.fingerprint
    }

    @Test("A gateway is given no audit entry, live or in a round, and its rounds end equal", arguments: [false, true])
    func gateway(gateDials: Bool) throws {
        let world = try makeCluster(seed: 1, gateDials: gateDials)
        for number in 0..<200 { try world["full"].put("audit/full/before-\(number)") }
        for number in 0..<200 { try world["full"].put("config/\(number)") }
        world.run(for: .seconds(3))
        try world["other"].put("audit/other/live", "x")
        try world["full"].write([
            LocalWrite(key: Key("config/with"), change: .put([1], leaseMilliseconds: nil)),
            LocalWrite(key: Key("audit/full/with"), change: .put([1], leaseMilliseconds: nil)),
        ])
        world.run(for: .seconds(2))
        #expect(auditCount(world["full"]) == 202 && haveEqualMaps(world["full"], world["other"]))
        #expect(auditCount(world["gate"]) == 0 && world["gate"].store.count == 201 && isShared(world))
        for name in ["full", "other", "gate"] {
            let rounds = laterRounds(world, name)
            #expect(rounds.allSatisfy { $0.differenceCount == 0 && !$0.isStream && $0.roundTripCount <= 1 })
            #expect(world[name].linkStatuses.allSatisfy { $0.leftOutKeyCount == 0 && $0.refusedCount == 0 })
        }
        #expect(world.violations.isEmpty)
    }

    @Test("More audit entries than may be left out by key keep a gateway from nothing else", arguments: [false, true])
    func manyEntries(gateDials: Bool) throws {
        let world = try makeCluster(seed: 2, gateDials: gateDials)
        let writes = (0..<Self.many).map { number in
            LocalWrite(
                key: Key(checked: Array("audit/full/\(number)".utf8)), change: .put([1], leaseMilliseconds: nil))
        }
        try world["full"].write(writes)
        world.run(for: .seconds(20))
        #expect(auditCount(world["other"]) == Self.many && world["gate"].store.count == 0)
        // Missed by the live changes, so that a round has to find it.
        world["full"].memory.put(try makeEntry("config/missed"))
        _ = laterRounds(world, gateDials ? "gate" : "full")
        world.run(for: .seconds(100))
        #expect(try world["gate"].value("config/missed") == "v" && isShared(world))
        for name in ["full", "gate"] {
            let rests = world[name].reports.contains { if case .reconciliationRests = $0 { true } else { false } }
            #expect(!rests && world[name].linkStatuses.allSatisfy { $0.leftOutKeyCount == 0 })
        }
    }

    @Test("A stream to a gateway leaves audit entries out, one to a full member brings them")
    func stream() throws {
        let world = World(seed: 3)
        let ring = try KeyRing([makeKey(0), makeKey(40, scope: .gateway)])
        world.add("full", ring)
        for number in 0..<3_000 {
            world["full"].memory.put(try makeEntry("data/\(number)", String(repeating: "x", count: 400)))
        }
        for number in 0..<500 { try world["full"].put("audit/full/\(number)", String(repeating: "y", count: 400)) }
        world.add("gate", try makeRing(40, scope: .gateway), dials: ["full"])
        world.add("new", ring, dials: ["full"])
        world.run(for: .seconds(20))
        #expect(haveEqualMaps(world["full"], world["new"]))
        #expect(world["gate"].store.count == 3_000 && auditCount(world["gate"]) == 0 && isShared(world))
    }

    @Test("A gateway's audit entries are refused, and it takes none, whatever a program sends")
    func forged() throws {
        let world = try makeCluster(seed: 4, gateDials: true)
        world.run(for: .seconds(1))
        let audit = LocalWrite(key: try Key("audit/gate/1"), change: .put([1], leaseMilliseconds: nil))
            .entry(Version(clock: Clock(world["gate"].wall), origin: Origin(raw: 7)))
        world.tamper = { _, message in
            guard case .entries(var entries) = message else { return message }
            entries.batch = EntryBatch([audit])
            return .entries(entries)
        }
        try world["gate"].put("server/gate", lease: 90_000)
        try world["full"].put("config/a")
        world.run(for: .milliseconds(500))
        #expect(auditCount(world["gate"]) == 0)
        #expect(world["full"].store[audit.key] == nil || world["other"].store[audit.key] != nil)
        let refused = ["full", "gate"].map { name in
            world[name].reports.contains { if case .refused(_, 1, .notAllowed, false, _) = $0 { true } else { false } }
        }
        #expect(refused == [true, true])
    }

    @Test("Full members that only a gateway key joins exchange no audit entries")
    func onlyGatewayKey() throws {
        let world = World(seed: 5)
        world.add("a", try KeyRing([makeKey(0), makeKey(40, scope: .gateway)]))
        world.add("b", try KeyRing([makeKey(1), makeKey(40, scope: .gateway)]), dials: ["a"])
        try world["a"].put("audit/a/1")
        try world["b"].put("audit/b/1")
        world.run(for: .seconds(2))
        try world["a"].put("audit/a/2")
        world.run(for: .seconds(2))
        #expect(auditCount(world["a"]) == 2 && auditCount(world["b"]) == 1)
        #expect(laterRounds(world, "b").allSatisfy { $0.differenceCount == 0 && !$0.isStream })
        #expect(world["a"].linkStatuses.allSatisfy { $0.leftOutKeyCount == 0 })
    }

    @Test("A gateway that is given a full key gets the audit entries at the next round, and none once it is taken away")
    func promoted() throws {
        let world = try makeCluster(seed: 6, gateDials: true)
        for number in 0..<50 { try world["full"].put("audit/full/\(number)") }
        world.run(for: .seconds(2))
        #expect(auditCount(world["gate"]) == 0)
        world["gate"].setKeys(try KeyRing([makeKey(0), makeKey(40, scope: .gateway)]))
        world.run(for: .seconds(120))
        #expect(haveEqualMaps(world["gate"], world["full"]))
        world["gate"].setKeys(try makeRing(40, scope: .gateway))
        world.run(for: .seconds(5))
        try world["full"].put("audit/full/later")
        world.run(for: .seconds(120))
        #expect(auditCount(world["gate"]) == 50)
        #expect(laterRounds(world, "gate").allSatisfy { $0.differenceCount == 0 && !$0.isStream })
    }

    @Test(
        "Two ends that hold one key for different things agree without audit entries, however many there are",
        arguments: [false, true])
    func disagreement(fullDials: Bool) throws {
        let world = World(seed: 7)
        // To `full` the key is one of full members, to `narrow` a gateway's.
        world.add("full", try makeRing(0), dials: fullDials ? ["narrow"] : [])
        world.add(
            "narrow", try KeyRing([makeKey(0, scope: .gateway), makeKey(50)]), dials: fullDials ? [] : ["full"])
        for number in 0..<Self.many { world["full"].memory.put(try audit("full", number, at: world["full"].wall)) }
        try world["narrow"].put("audit/narrow/1")
        world.run(for: .seconds(200))
        #expect(auditCount(world["full"]) == Self.many && auditCount(world["narrow"]) == 1)
        for name in ["full", "narrow"] {
            let rests = world[name].reports.contains { if case .reconciliationRests = $0 { true } else { false } }
            #expect(!rests && world[name].linkStatuses.allSatisfy { $0.phase == .open && $0.leftOutKeyCount == 0 })
        }
        #expect(laterRounds(world, fullDials ? "full" : "narrow").map(\.differenceCount) == [0])
    }

    private func audit(_ owner: String, _ number: Int, at time: WallTime) throws -> Entry {
        LocalWrite(key: try Key("audit/\(owner)/\(number)"), change: .put([2], leaseMilliseconds: nil))
            .entry(Version(clock: Clock(time), origin: Origin(raw: 9)))
    }

    @Test("A member of an earlier version is sent none, is asked for none, and gets everything else")
    func earlierVersion() throws {
        let world = World(seed: 8)
        let ring = try makeRing(0)
        world.add("old", ring).knowsAudit = false
        world["old"].restart()
        world.add("far", ring, dials: ["old"])
        world.add("near", ring, dials: ["old", "far"])
        var toOld = 0
        world.onArrival = { _, target, message in
            guard target.name == "old", case .entries(let entries) = message else { return }
            if entries.batch.hasAudit { toOld += 1 }
        }
        for number in 0..<Self.many { try world["near"].put("audit/near/\(number)") }
        for number in 0..<300 { try world["far"].put("config/\(number)") }
        world.run(for: .seconds(5))
        try world["far"].put("audit/far/live")
        try world["old"].put("config/of-old")
        world.run(for: .seconds(130))
        #expect(haveEqualMaps(world["near"], world["far"]))
        #expect(auditCount(world["near"]) == Self.many + 1 && world["old"].store.count == 301 && toOld == 0)
        for name in ["near", "far"] {
            let rounds = laterRounds(world, name)
            #expect(!rounds.isEmpty && rounds.allSatisfy { $0.differenceCount == 0 && !$0.isStream })
            #expect(world[name].linkStatuses.allSatisfy { $0.leftOutKeyCount == 0 })
        }
    }

    @Test("A clock that was years ahead between two pings keeps no audit entry away for longer than some minutes")
    func yearsAhead() throws {
        let world = World(seed: 10)
        world.add("hub", try makeRing(0))
        world.add("m", try makeRing(0), dials: ["hub"])
        world.run(for: .seconds(6))
        for number in 0..<20 { try world["hub"].put("audit/hub/\(number)") }
        world.run(for: .seconds(1))
        // All within the 5 s from one ping to the next: nobody measures the clock meanwhile.
        world["m"].clockOffset = 10 * 365 * 86_400_000
        world["m"].expire()
        try world["hub"].put("audit/hub/later")
        world["m"].input { $0.reconcile(at: $1) }
        world.run(for: .seconds(1))
        #expect(auditCount(world["m"]) == 0 && world["hub"].linkStatuses.contains { $0.leftOutKeyCount == 21 })
        world["m"].clockOffset = 0
        world.run(for: .seconds(250))
        #expect(haveEqualMaps(world["hub"], world["m"]) && auditCount(world["m"]) == 21)
    }

    @Test("What waits for credit when a link loses its full key is not sent over it")
    func outbox() throws {
        let world = World(seed: 9)
        var settings = EngineSettings()
        settings.creditWindow = 1_000
        let ring = try KeyRing([makeKey(0), makeKey(40, scope: .gateway)])
        world.add("a", ring, settings: settings)
        world.add("b", ring, dials: ["a"], settings: settings)
        world.run(for: .seconds(1))
        world["b"].storeDelay = .seconds(2)
        for number in 0..<40 { try world["a"].put("audit/a/\(number)", String(repeating: "x", count: 200)) }
        world.run(for: .milliseconds(100))
        #expect(world["a"].linkStatuses.contains { $0.queuedKeyCount > 20 })
        world["a"].setKeys(try makeRing(40, scope: .gateway))
        world["b"].storeDelay = .zero
        world.run(for: .seconds(60))
        #expect(auditCount(world["b"]) < 20)
        #expect(world["a"].linkStatuses.allSatisfy { $0.queuedKeyCount == 0 })
    }
}
