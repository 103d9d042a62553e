// What is learnt of the way to other members, and when they are probed: the engine, with times that the tests say.
import Cluster
import Directory
import Engines
import JSON
import Replica
import TestSupport
import Testing

/// SplitMix64.
private struct Seeded: RandomNumberGenerator, Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite("Which members can be reached")
struct ReachEngineTests {
    private let settings = ReachSettings()

    private func engine(seed: UInt64 = 1) -> ReachEngine { ReachEngine(random: Seeded(state: seed)) }

    /// Where a member is, by its own word.
    private func target(_ id: ServerID, port: Int = 3300, origin: UInt64 = 1) throws -> ReachTarget {
        let hash = String(repeating: "00", count: 32)
        let document: JSONValue = [
            "urls": .array([.string("https://\(id.text):\(port)")]), "certificateSHA256": .string(hash),
        ]
        let address = try #require(ServerUpdate(document, of: id)?.address)
        return ReachTarget(address: address, origin: Origin(raw: origin))
    }

    private func probed(_ engine: inout ReachEngine) -> [ServerID] {
        engine.takeEffects().compactMap { if case .probe(let member, _) = $0 { member } else { nil } }
    }

    /// Whose probes have begun once the time is what the engine waits for.
    private func waitForProbes(_ engine: inout ReachEngine) throws -> (members: [ServerID], time: Duration) {
        let time = try #require(engine.nextDeadline)
        engine.tick(at: time)
        return (probed(&engine), time)
    }

    @Test(
        "A member that could not be reached is doubtful and unreachable, with the reason and since when, until it answers"
    )
    func failure() {
        var engine = engine()
        engine.failed("a", "refused", at: .seconds(1))
        engine.failed("a", "no answer", at: .seconds(9))
        #expect(engine.isDoubtful("a", at: .seconds(68)) && !engine.isDoubtful("b", at: .seconds(68)))
        let found = engine.unreachability(of: "a", at: .seconds(68))
        #expect(found?.reason == "no answer" && found?.since == .seconds(1))
        engine.succeeded("a", at: .seconds(69))
        #expect(!engine.isDoubtful("a", at: .seconds(69)) && engine.unreachable(at: .seconds(69)).isEmpty)
        #expect(engine.reached("a") == .seconds(69))
    }

    @Test("One that nobody probes gets another chance after a minute, one that is probed not before it answers")
    func doubtTime() throws {
        var engine = engine()
        engine.add("b", try target("b"), at: .zero)
        for member in ["a", "b"] as [ServerID] { engine.failed(member, "refused", at: .zero) }
        #expect(engine.isDoubtful("a", at: .seconds(59)) && engine.isDoubtful("b", at: .seconds(59)))
        #expect(!engine.isDoubtful("a", at: .seconds(60)) && engine.isDoubtful("b", at: .seconds(600)))
        #expect(engine.unreachable(at: .seconds(600)).keys.sorted() == ["b"])
    }

    @Test("A link that broke makes its member doubtful, and not unreachable; a link that is up again ends that")
    func links() {
        var engine = engine()
        engine.suspected("a", at: .zero)
        #expect(engine.isDoubtful("a", at: .zero) && engine.unreachability(of: "a", at: .zero) == nil)
        engine.linkOpened("a", at: .seconds(1))
        #expect(!engine.isDoubtful("a", at: .seconds(1)))
    }

    @Test("A link says nothing of a member that was tried in vain: it is tried again at once")
    func linksAndTries() throws {
        var engine = engine()
        engine.add("a", try target("a"), at: .zero)
        engine.tick(at: settings.firstTime)
        engine.probed("a", try target("a"), "unknown name", at: settings.firstTime)
        _ = engine.takeEffects()
        engine.linkOpened("a", at: .seconds(5))
        #expect(engine.isDoubtful("a", at: .seconds(5)))
        engine.tick(at: .seconds(6))
        #expect(probed(&engine) == ["a"])
    }

    @Test(
        "A new member is probed soon, and then after the interval, a quarter more or less",
        arguments: [1, 2, 3] as [UInt64])
    func rhythm(seed: UInt64) throws {
        var engine = engine(seed: seed)
        engine.add("a", try target("a"), at: .seconds(100))
        let (first, begun) = try waitForProbes(&engine)
        #expect(first == ["a"] && (.seconds(100)...(.seconds(100) + settings.firstTime)).contains(begun))
        #expect(engine.nextDeadline == nil, "it runs, and there is nobody else")
        engine.probed("a", try target("a"), nil, at: begun)
        let (second, again) = try waitForProbes(&engine)
        let wait = (again - begun) / settings.interval
        #expect(second == ["a"] && (0.75...1.25).contains(wait))
    }

    @Test("A member that answers requests is not probed")
    func quiet() throws {
        var engine = engine()
        engine.add("a", try target("a"), at: .zero)
        for second in 0..<600 {
            engine.succeeded("a", at: .seconds(second))
            engine.tick(at: .seconds(second))
        }
        #expect(probed(&engine) == [])
        #expect(try waitForProbes(&engine).members == [], "the deadline was one of those before")
        #expect(try waitForProbes(&engine).members == ["a"])
    }

    @Test("One that failed is probed again sooner, and one that is suspected within a second")
    func sooner() throws {
        var engine = engine()
        engine.add("a", try target("a"), at: .zero)
        let begun = try waitForProbes(&engine).time
        engine.probed("a", try target("a"), "refused", at: begun)
        let again = try waitForProbes(&engine).time
        #expect(again - begun <= settings.retryTime * 1.25)
        engine.probed("a", try target("a"), nil, at: again)
        engine.suspected("a", at: again)
        #expect(try #require(engine.nextDeadline) <= again + settings.suspicionTime)
    }

    @Test("No more probes run at once than may, and each that ends lets the next one begin")
    func bound() throws {
        var engine = engine()
        let ids = (0..<10).map { ServerID("m\($0)") }.compactMap { $0 }
        for id in ids { engine.add(id, try target(id), at: .zero) }
        engine.tick(at: settings.firstTime)
        var begun = probed(&engine)
        #expect(begun.count == settings.probesAtOnce && engine.nextDeadline == nil)
        var ended = 0
        while ended < begun.count {
            engine.probed(begun[ended], try target(begun[ended]), "no answer", at: .seconds(5))
            ended += 1
            begun += probed(&engine)
            #expect(begun.count - ended <= settings.probesAtOnce)
        }
        #expect(begun.sorted() == ids.sorted())
    }

    @Test("A member that has moved is not judged by what was learnt of it elsewhere")
    func moved() throws {
        var engine = engine()
        engine.add("a", try target("a"), at: .zero)
        engine.tick(at: settings.firstTime)
        engine.probed("a", try target("a"), "refused", at: settings.firstTime)
        engine.add("a", try target("a", port: 4400), at: .seconds(5))
        #expect(!engine.isDoubtful("a", at: .seconds(5)))
        engine.tick(at: .seconds(9))
        #expect(engine.takeEffects().last == .probe("a", try target("a", port: 4400)))
        // It moves on while it is tried.
        engine.add("a", try target("a", port: 5500), at: .seconds(10))
        engine.probed("a", try target("a", port: 4400), "refused", at: .seconds(11))
        #expect(!engine.isDoubtful("a", at: .seconds(11)))
        engine.tick(at: .seconds(12))
        #expect(engine.takeEffects().last == .probe("a", try target("a", port: 5500)))
    }

    @Test("A member that was restarted is probed soon, and is doubtful until it answers")
    func restarted() throws {
        var engine = engine()
        engine.add("a", try target("a"), at: .zero)
        engine.tick(at: settings.firstTime)
        engine.probed("a", try target("a"), "refused", at: settings.firstTime)
        _ = engine.takeEffects()
        engine.add("a", try target("a", origin: 2), at: .seconds(5))
        #expect(engine.isDoubtful("a", at: .seconds(5)))
        engine.tick(at: .seconds(9))
        #expect(probed(&engine) == ["a"])
    }

    @Test("Changes of verdicts are told once, and not again while they stay the same")
    func news() throws {
        var engine = engine()
        engine.add("a", try target("a"), at: .zero)
        func changes(_ engine: inout ReachEngine) -> Int {
            engine.takeEffects().filter { $0 == .verdictsChanged }.count
        }
        engine.failed("a", "refused", at: .zero)
        #expect(changes(&engine) == 1)
        engine.failed("a", "refused", at: .seconds(1))
        #expect(changes(&engine) == 0)
        engine.failed("a", "no answer", at: .seconds(2))
        #expect(changes(&engine) == 1)
        engine.succeeded("a", at: .seconds(3))
        engine.succeeded("a", at: .seconds(4))
        #expect(changes(&engine) == 1)
        engine.failed("a", "refused", at: .seconds(5))
        engine.remove("a")
        #expect(changes(&engine) == 2 && engine.unreachable(at: .seconds(5)).isEmpty && engine.nextDeadline != nil)
        engine.tick(at: .seconds(600))
        #expect(engine.takeEffects().isEmpty && engine.nextDeadline == nil)
    }
}
