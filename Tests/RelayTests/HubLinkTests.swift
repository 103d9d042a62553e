// The external member's links: who is greeted how, what is said again, and when a link is over.
import Engines
import Relay
import Replica
import TestSupport
import Testing

@Suite("Hub: links")
struct HubLinkTests {
    @Test("The first event is hello, then reset where nothing can be resumed")
    func hello() throws {
        var hub = RelayHub()
        let link = try hub.linkOpened("a", lastEventID: nil, at: .zero)
        let sent = hub.takeSent(over: link)
        guard case .hello(hub.epoch, _)? = sent.first?.event else { throw RelayError.malformed("\(sent)") }
        #expect(sent.count == 2 && sent[1].event == .reset)
        // A link that ends between the two must not seem to have missed nothing.
        #expect(sent[0].id == nil && sent[1].id != nil)
    }

    @Test("A second link of a member replaces the first, whose end then says nothing")
    func replaces() throws {
        var hub = RelayHub()
        let first = try hub.linkOpened("a", lastEventID: nil, at: .zero)
        _ = hub.takeEffects()
        let second = try hub.linkOpened("a", lastEventID: nil, at: .seconds(1))
        #expect(hub.takeEffects().prefix(2) == [.close(first), .cutOff(member: "a")])
        hub.linkClosed(first, detail: "gone", at: .seconds(2))
        #expect(hub.takeEffects().isEmpty)
        #expect(hub.statuses.map(\.isLinked) == [true] && second != first)
    }

    @Test("A gateway key takes no place where a full key was shown, until that member is forgotten")
    func lesserKey() throws {
        var hub = RelayHub()
        let link = try hub.linkOpened("a", lastEventID: nil, hasFullKey: true, at: .zero)
        #expect(throws: RelayError.lesserKey("a")) {
            try hub.linkOpened("a", lastEventID: nil, hasFullKey: false, at: .zero)
        }
        hub.linkClosed(link, detail: "gone", at: .seconds(1))
        _ = hub.takeEffects()
        #expect(throws: RelayError.lesserKey("a")) {
            try hub.linkOpened("a", lastEventID: "\(hub.epoch)-0", hasFullKey: false, at: .seconds(2))
        }
        #expect(hub.takeEffects().isEmpty)
        hub.tick(at: .seconds(1) + hub.settings.resumeTime)
        _ = try hub.linkOpened("a", lastEventID: nil, hasFullKey: false, at: .seconds(60))
        _ = try hub.linkOpened("a", lastEventID: nil, hasFullKey: true, at: .seconds(61))
        #expect(hub.statuses.map(\.isLinked) == [true])
    }

    @Test("A link that resumes gets exactly what was missed", arguments: 0...5)
    func resumes(seenCount: Int) throws {
        var hub = RelayHub()
        let link = try hub.link("a")
        let stream = try hub.stream(to: "a")
        for number in 0..<3 as Range<UInt8> { hub.send([number], over: stream, to: "a") }
        var sent = hub.takeSent(over: link.id)
        hub.linkClosed(link.id, detail: "cut", at: .seconds(1))
        _ = hub.takeEffects()
        for number in 3..<5 as Range<UInt8> { hub.send([number], over: stream, to: "a") }
        let seen = seenCount == 0 ? link.last : sent.prefix(seenCount).last?.id
        let second = try hub.linkOpened("a", lastEventID: seen, at: .seconds(2))
        sent = hub.takeSent(over: second)
        let bytes = sent.dropFirst().map { sent -> [UInt8] in
            if case .data(stream, _, let bytes) = sent.event { bytes } else { [] }
        }
        #expect(bytes == (min(seenCount, 3)..<5).map { [UInt8($0)] })
        #expect(sent.first?.id == seen)
        #expect(hub.room(of: stream, to: "a") != nil)
    }

    @Test("Another process's id, an unknown one, or too large a gap: reset, and the streams are over", arguments: 0..<5)
    func resets(kind: Int) throws {
        var settings = RelaySettings()
        settings.replayCount = 4
        var hub = RelayHub(settings: settings, random: Seeded(1))
        let link = try hub.link("a")
        let stream = try hub.stream(to: "a")
        for _ in 0..<(kind == 0 ? 5 : 1) { hub.send([1], over: stream, to: "a") }
        let last = [link.last, "other-1", "nonsense", "\(hub.epoch)-\(UInt64.max)", nil][kind]
        _ = hub.takeEffects()
        let second = try hub.linkOpened("a", lastEventID: last, at: .seconds(1))
        let effects = hub.takeEffects()
        #expect(effects.contains(.streamEnded(stream: stream)) && hub.room(of: stream, to: "a") == nil)
        #expect(effects.contains { if case .send(second, .reset, .some) = $0 { true } else { false } })
        #expect(!effects.contains { if case .send(_, .data, _) = $0 { true } else { false } })
    }

    @Test("A member whose streams were given up while it was away is told so, even if it missed no event")
    func givenUp() throws {
        var hub = RelayHub()
        let link = try hub.link("a")
        let stream = try hub.stream(to: "a")
        hub.linkClosed(link.id, detail: "cut", at: .zero)
        // Somebody waits for the member, so that it is not forgotten altogether.
        _ = try hub.dial("a", at: .seconds(18))
        hub.tick(at: .seconds(20))
        #expect(hub.takeEffects().contains(.streamEnded(stream: stream)))
        let second = try hub.linkOpened("a", lastEventID: link.last, at: .seconds(21))
        #expect(hub.takeSent(over: second).contains { $0.event == .reset })
    }

    @Test("A member that was forgotten altogether is told so as well")
    func forgotten() throws {
        var hub = RelayHub()
        let link = try hub.link("a")
        hub.linkClosed(link.id, detail: "cut", at: .zero)
        hub.tick(at: .seconds(20))
        #expect(hub.load == RelayHub.Load())
        _ = try hub.dial("a", at: .seconds(20))
        let second = try hub.linkOpened("a", lastEventID: link.last, at: .seconds(21))
        #expect(hub.takeSent(over: second).contains { $0.event == .reset })
    }

    @Test("A member that has nothing any more has its connections cut off; one that resumes keeps them")
    func cutsOff() throws {
        var hub = RelayHub()
        let link = try hub.link("a")
        _ = try hub.linkOpened("a", lastEventID: link.last, at: .seconds(1))
        #expect(!hub.takeEffects().contains(.cutOff(member: "a")))
        _ = try hub.linkOpened("a", lastEventID: nil, at: .seconds(2))
        #expect(hub.takeEffects().contains(.cutOff(member: "a")))
    }

    @Test("Silence closes the link and what the member has opened; a heartbeat of the present link counts alone")
    func silence() throws {
        var hub = RelayHub()
        let old = try hub.link("a")
        let link = try hub.link("a", at: .zero)
        try hub.heard("a", link: link.name, last: nil, roundTrip: .milliseconds(3), at: .seconds(5))
        #expect(throws: RelayError.unknownLink) {
            try hub.heard("a", link: old.name, last: nil, roundTrip: nil, at: .seconds(20))
        }
        #expect(throws: RelayError.unknownLink) {
            try hub.heard("b", link: link.name, last: nil, roundTrip: nil, at: .seconds(20))
        }
        #expect(hub.statuses.first?.roundTrip == .milliseconds(3))
        hub.tick(at: .seconds(25) - .nanoseconds(1))
        #expect(hub.takeEffects() == [.sendHeartbeat(link.id)])
        hub.tick(at: .seconds(25))
        #expect(hub.takeEffects().prefix(2) == [.close(link.id), .cutOff(member: "a")])
    }

    @Test("Heartbeats are sent every five seconds, and `nextDeadline` names every moment at which there is something")
    func heartbeats() throws {
        var hub = RelayHub()
        #expect(hub.nextDeadline == nil)
        let link = try hub.link("a")
        var times: [Duration] = []
        while let next = hub.nextDeadline, times.count < 30 {
            hub.tick(at: next)
            times.append(next)
            if hub.takeEffects().contains(.close(link.id)) { break }
        }
        #expect(times == [5, 10, 15, 20].map { .seconds($0) })
        #expect(hub.nextDeadline == .seconds(40))
    }

    @Test("Draining tells every member in order, and takes no more links and dials")
    func drain() throws {
        var hub = RelayHub()
        let links = try (0..<40).map { try hub.link(ServerID(stringLiteral: "m\(100 + $0)")).id }
        hub.drain()
        #expect(hub.takeEffects() == links.map { .send($0, .drain, id: nil) })
        #expect(throws: RelayError.draining) { try hub.linkOpened("a", lastEventID: nil, at: .zero) }
        #expect(throws: RelayError.draining) { try hub.dial("m100", at: .zero) }
    }

    @Test("Who waits for a connection when the member stops is told so at once")
    func drainWithDials() throws {
        var hub = RelayHub(random: SystemRandomNumberGenerator())
        let dials = try ["a", "b"].map { try hub.dial($0, at: .zero) }
        hub.drain()
        #expect(hub.takeEffects() == dials.map { .dialFailed($0, .draining) })
    }

    @Test("What a member is known to have is kept no longer, and the limits of what is kept hold")
    func kept() throws {
        var settings = RelaySettings()
        settings.replayByteCount = 100_000
        var hub = RelayHub(settings: settings, random: Seeded(1))
        let link = try hub.link("a")
        let streams = try (0..<8).map { _ in try hub.stream(to: "a") }
        var last: String?
        for stream in streams {
            for _ in 0..<5 { hub.send(Array(repeating: 1, count: CarriedStream.chunkByteCount), over: stream, to: "a") }
            #expect(hub.load.eventBytesKept <= 100_000)
            last = hub.takeSent(over: link.id).last?.id
        }
        try hub.heard("a", link: link.name, last: last, roundTrip: nil, at: .seconds(1))
        #expect(hub.load.eventsKept == 0 && hub.load.eventBytesKept == 0)
        #expect(hub.load.streams == 8)
    }
}
