// Connections that members are asked for: each nonce is good once, for one member, for a time.
import Engines
import Relay
import Replica
import TestSupport
import Testing

@Suite("Hub: dials")
struct HubDialTests {
    @Test("A nonce is good once, for the member that it was given to")
    func once() throws {
        var hub = RelayHub()
        _ = try hub.link("a")
        let dial = try hub.dial("a", at: .zero)
        let nonce = try hub.takeNonce()
        #expect(try hub.dialledBack(nonce, from: "a", at: .seconds(1)) == dial)
        for guess in [nonce, "", "guessed"] {
            #expect(throws: RelayError.unknownNonce) { try hub.dialledBack(guess, from: "a", at: .seconds(1)) }
            #expect(throws: RelayError.unknownNonce) { try hub.carried(guess, by: "a", at: .seconds(1)) }
        }
        #expect(hub.takeEffects() == Array(repeating: .report(.refusedNonce(member: "a", .unknownNonce)), count: 6))
        #expect(hub.load.dials == 0)
    }

    @Test("A foreign nonce is good no more, fails who waited, and ends the link of the member that shows it")
    func foreign() throws {
        var hub = RelayHub()
        _ = try hub.link("a")
        let thief = try hub.link("b")
        let dial = try hub.dial("a", at: .zero)
        let nonce = try hub.takeNonce()
        #expect(throws: RelayError.foreignNonce) { try hub.dialledBack(nonce, from: "b", at: .zero) }
        let effects = hub.takeEffects()
        #expect(effects.contains(.dialFailed(dial, .noAnswer("a"))) && effects.contains(.close(thief.id)))
        #expect(hub.statuses.filter(\.isLinked).map(\.member) == ["a"])
        #expect(throws: RelayError.unknownNonce) { try hub.dialledBack(nonce, from: "a", at: .zero) }
        #expect(throws: RelayError.unknownNonce) { try hub.dialledBack(nonce, from: "nobody", at: .zero) }
    }

    @Test("A nonce that comes too late is refused, and who waited for it is told, though no tick came in between")
    func tooLate() throws {
        var hub = RelayHub()
        _ = try hub.link("a")
        let dial = try hub.dial("a", at: .zero)
        let nonce = try hub.takeNonce()
        #expect(throws: RelayError.unknownNonce) { try hub.dialledBack(nonce, from: "a", at: .seconds(10)) }
        #expect(hub.takeEffects().contains(.dialFailed(dial, .noAnswer("a"))))
        hub.tick(at: .seconds(11))
        #expect(!hub.takeEffects().contains { if case .dialFailed = $0 { true } else { false } })
    }

    @Test("A member that does not dial back fails the dial after dialTime")
    func noAnswer() throws {
        var hub = RelayHub()
        _ = try hub.link("a")
        let dial = try hub.dial("a", at: .zero)
        hub.tick(at: .seconds(10) - .nanoseconds(1))
        #expect(hub.load.dials == 1)
        hub.tick(at: .seconds(10))
        #expect(hub.takeEffects().contains(.dialFailed(dial, .noAnswer("a"))) && hub.load.dials == 0)
    }

    @Test("A dial to a member without a link is said when it links, and fails after linkTime otherwise")
    func unlinked() throws {
        var hub = RelayHub()
        let first = try hub.dial("a", at: .zero)
        hub.tick(at: .seconds(5))
        #expect(hub.takeEffects() == [.dialFailed(first, .notLinked("a"))])
        let dials = try (0..<50).map { _ in try hub.dial("a", at: .seconds(6)) }
        #expect(hub.takeEffects().isEmpty)
        let link = try hub.linkOpened("a", lastEventID: nil, at: .seconds(10))
        let nonces = hub.takeSent(over: link).compactMap { sent -> String? in
            if case .dial(let nonce) = sent.event { nonce } else { nil }
        }
        #expect(nonces.count == 50)
        // In the order in which they were asked for, in every process.
        for (nonce, dial) in zip(nonces, dials).dropLast() {
            #expect(try hub.dialledBack(nonce, from: "a", at: .seconds(19)) == dial)
        }
        // The member has its time from when it was told.
        #expect(try hub.dialledBack(nonces[49], from: "a", at: .milliseconds(19_999)) == dials[49])
        // Never said twice.
        _ = try hub.linkOpened("a", lastEventID: nil, at: .seconds(11))
        #expect(!hub.takeEffects().contains { if case .send(_, .dial, _) = $0 { true } else { false } })
    }

    @Test("Dials that fail at one moment fail in the order in which they were made")
    func order() throws {
        var hub = RelayHub()
        let dials = try (0..<100).map { try hub.dial(ServerID(stringLiteral: "m\($0 % 7)"), at: .zero) }
        hub.tick(at: .seconds(5))
        let failed = hub.takeEffects().compactMap { effect -> DialID? in
            if case .dialFailed(let dial, _) = effect { dial } else { nil }
        }
        #expect(failed == dials)
    }

    @Test("More than dialsPerMember at once are refused; one that is over makes room")
    func busy() throws {
        var hub = RelayHub()
        let dials = try (0..<256).map { _ in try hub.dial("a", at: .zero) }
        #expect(throws: RelayError.busy("a")) { try hub.dial("a", at: .zero) }
        _ = try hub.dial("b", at: .zero)
        hub.cancel(dials[7])
        hub.cancel(dials[7])
        _ = try hub.dial("a", at: .zero)
        #expect(throws: RelayError.busy("a")) { try hub.dial("a", at: .zero) }
    }

    @Test("A member for which somebody waits when it is to be forgotten is forgotten later, not never")
    func forgets() throws {
        var hub = RelayHub()
        let link = try hub.link("a")
        hub.linkClosed(link.id, detail: "cut", at: .zero)
        _ = try hub.dial("a", at: .seconds(19))
        for second in 20..<60 { hub.tick(at: .seconds(second)) }
        #expect(hub.load == RelayHub.Load() && hub.statuses.isEmpty && hub.nextDeadline == nil)
    }

    @Test("Nothing is left of 10,000 dials and streams of 200 members")
    func nothingLeft() throws {
        var hub = RelayHub(seed: 3)
        var random = Seeded(4)
        var links: [ServerID: HubLinkID] = [:]
        var now = Duration.zero
        for _ in 0..<10_000 {
            now += .milliseconds(3)
            let member = ServerID(stringLiteral: "m\(Int.random(in: 0..<200, using: &random))")
            if Int.random(in: 0..<4, using: &random) == 0 {
                links[member] = try hub.linkOpened(member, lastEventID: nil, at: now)
            }
            _ = hub.takeEffects()
            guard let dial = try? hub.dial(member, at: now) else { continue }
            guard let nonce = try? hub.takeNonce() else { continue }
            switch Int.random(in: 0..<6, using: &random) {
            case 0: hub.cancel(dial)
            case 1: _ = try hub.dialledBack(nonce, from: member, at: now)
            case 2: _ = try? hub.dialledBack(nonce, from: "m0", at: now)
            case 3, 4:
                guard (try? hub.carried(nonce, by: member, at: now)) != nil else { continue }
                hub.send([1], over: nonce, to: member)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: hub.ended(nonce, by: member)
                case 1: hub.end(nonce, of: member)
                default: break
                }
            default: break
            }
            if Int.random(in: 0..<50, using: &random) == 0 { hub.tick(at: now) }
        }
        #expect(hub.load.streams > 50 && hub.load.dials > 50)
        for second in 0..<120 { hub.tick(at: now + .seconds(second)) }
        #expect(hub.load == RelayHub.Load() && hub.nextDeadline == nil)
    }
}
