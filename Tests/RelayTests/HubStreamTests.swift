// Carried streams at the external member: begun once, bounded, ended by either side.
import Engines
import Relay
import TestSupport
import Testing

@Suite("Hub: carried streams")
struct HubStreamTests {
    @Test("Whoever lost the answer may ask for the stream again, and gets the same one")
    func again() throws {
        var hub = RelayHub()
        _ = try hub.link("a")
        let dial = try hub.dial("a", at: .zero)
        let nonce = try hub.takeNonce()
        #expect(try hub.carried(nonce, by: "a", at: .seconds(1)) == dial)
        #expect(try hub.carried(nonce, by: "a", at: .seconds(15)) == nil)
        #expect(throws: RelayError.unknownNonce) { try hub.carried(nonce, by: "b", at: .seconds(1)) }
        #expect(throws: RelayError.unknownNonce) { try hub.dialledBack(nonce, from: "a", at: .seconds(1)) }
        #expect(hub.load.streams == 1 && hub.load.dials == 0)
        hub.ended(nonce, by: "a")
        #expect(throws: RelayError.unknownNonce) { try hub.carried(nonce, by: "a", at: .seconds(2)) }
    }

    @Test("More than streamsPerMember are refused, and the dial then fails in its time")
    func busy() throws {
        var hub = RelayHub()
        _ = try hub.link("a")
        for _ in 0..<64 { _ = try hub.stream(to: "a") }
        let dial = try hub.dial("a", at: .zero)
        let nonce = try hub.takeNonce()
        #expect(throws: RelayError.busy("a")) { try hub.carried(nonce, by: "a", at: .zero) }
        hub.tick(at: .seconds(10))
        #expect(hub.takeEffects().contains(.dialFailed(dial, .noAnswer("a"))))
    }

    @Test("Bytes that come twice are taken once; those of somebody else's stream not at all")
    func takes() throws {
        var hub = RelayHub()
        _ = try hub.link("a")
        _ = try hub.link("b")
        let stream = try hub.stream(to: "a")
        hub.send([9, 9], over: stream, to: "a")
        _ = hub.takeEffects()
        try hub.received([1, 2], at: 0, confirming: 1, over: stream, from: "a")
        #expect(hub.takeEffects() == [.hasRoom(stream: stream), .deliver(stream: stream, bytes: [1, 2])])
        try hub.received([1, 2], at: 0, confirming: 0, over: stream, from: "a")
        #expect(hub.takeEffects() == [.hasRoom(stream: stream)])
        #expect(hub.room(of: stream, to: "a") == Int(CarriedStream.windowByteCount) - 1)
        #expect(throws: RelayError.unknownStream) {
            try hub.received([1], at: 0, confirming: 0, over: stream, from: "b")
        }
        hub.ended(stream, by: "b")
        hub.end(stream, of: "b")
        hub.send([1], over: stream, to: "b")
        hub.passed(1 << 20, over: stream, from: "b")
        #expect(hub.room(of: stream, to: "b") == nil && hub.room(of: stream, to: "a") != nil)
    }

    @Test("What breaks the rules ends the stream at both ends", arguments: 0..<2)
    func malformed(kind: Int) throws {
        var hub = RelayHub()
        let link = try hub.link("a")
        let stream = try hub.stream(to: "a")
        #expect(throws: RelayError.self) {
            try hub.received([1], at: kind == 0 ? 1 : 0, confirming: kind == 0 ? 0 : 1, over: stream, from: "a")
        }
        let effects = hub.takeEffects()
        #expect(effects.contains(.streamEnded(stream: stream)))
        #expect(effects.contains { if case .send(link.id, .end(stream), .some) = $0 { true } else { false } })
        #expect(hub.load.streams == 0)
    }

    @Test("What was passed on is told when a quarter of the window has come together, and again after a break")
    func confirms() throws {
        var hub = RelayHub()
        let link = try hub.link("a")
        let stream = try hub.stream(to: "a")
        let quarter = Int(CarriedStream.windowByteCount / 4)
        try hub.received(Array(repeating: 1, count: quarter), at: 0, confirming: 0, over: stream, from: "a")
        hub.linkClosed(link.id, detail: "cut", at: .zero)
        hub.passed(quarter - 1, over: stream, from: "a")
        hub.passed(1, over: stream, from: "a")
        _ = hub.takeEffects()
        let second = try hub.linkOpened("a", lastEventID: link.last, at: .seconds(1))
        #expect(hub.takeSent(over: second).last?.event == .received(stream: stream, count: UInt64(quarter)))
    }

    @Test("Streams wait for the next link for resumeTime and no longer")
    func waits() throws {
        var hub = RelayHub()
        let link = try hub.link("a")
        let stream = try hub.stream(to: "a")
        hub.linkClosed(link.id, detail: "cut", at: .seconds(1))
        hub.tick(at: .seconds(21) - .nanoseconds(1))
        #expect(hub.room(of: stream, to: "a") != nil)
        hub.tick(at: .seconds(21))
        #expect(hub.takeEffects().contains(.streamEnded(stream: stream)) && hub.load == RelayHub.Load())
    }
}
