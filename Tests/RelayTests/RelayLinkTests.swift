// A member's end of a link: attempts, backoff, silence, and what comes over it.
import Engines
import Relay
import TestSupport
import Testing

@Suite("Link")
struct RelayLinkTests {
    private func makeLink(seed: UInt64 = 1) -> RelayLink { RelayLink(at: .zero, random: Seeded(seed)) }

    /// The attempt that the link asks for next, and when.
    private func nextAttempt(_ link: inout RelayLink) -> (AttemptID, Duration, String?)? {
        for _ in 0..<10 {
            guard let now = link.nextDeadline else { return nil }
            link.tick(at: now)
            for case .connect(let attempt, let last) in link.takeEffects() { return (attempt, now, last) }
        }
        return nil
    }

    @discardableResult
    private func open(
        _ link: inout RelayLink, epoch: String = "e", name: String = "l", id: String? = "e-1"
    ) throws -> (AttemptID, Duration) {
        let (attempt, now, _) = try #require(nextAttempt(&link))
        link.received(try RelayEvent.hello(epoch: epoch, link: name).part(id: id), over: attempt, at: now)
        #expect(link.phase == .open)
        return (attempt, now)
    }

    @Test("Waits are random, within their bounds, grow to 30 s, and begin anew after success", arguments: 1...20)
    func backoff(seed: Int) throws {
        var link = makeLink(seed: UInt64(seed))
        var now = Duration.zero
        var waits: [Duration] = []
        for number in 0..<30 {
            let (attempt, began, _) = try #require(nextAttempt(&link))
            if number > 0 { waits.append(began - now) }
            now = began + .seconds(1)
            link.ended(attempt, detail: "refused", at: now)
        }
        for (number, wait) in waits.enumerated() {
            #expect(wait >= .milliseconds(250) && wait <= min(.seconds(2) * (1 << min(number, 10)), .seconds(30)))
        }
        #expect(waits.suffix(24).reduce(.zero, +) > .seconds(24 * 9) && Set(waits).count == waits.count)
        let (attempt, opened) = try open(&link)
        link.ended(attempt, detail: "cut", at: opened)
        let (_, again, _) = try #require(nextAttempt(&link))
        #expect(again - opened <= .seconds(2))
    }

    @Test("A thousand members that lose their links at once come back over the whole of the first wait")
    func spread() throws {
        var counts = [Int](repeating: 0, count: 8)
        for seed in 0..<1_000 as Range<UInt64> {
            var link = makeLink(seed: seed &* 0x9E37_79B9)
            let (attempt, now) = try open(&link)
            link.ended(attempt, detail: "cut", at: now)
            let (_, again, _) = try #require(nextAttempt(&link))
            counts[Int((again - now) / .milliseconds(250))] += 1
        }
        #expect(counts[0] == 0 && counts[1...7].allSatisfy { (90...200).contains($0) }, "\(counts)")
    }

    @Test("An attempt that is not answered in time is given up, and what comes of it later is nothing")
    func noAnswer() throws {
        var link = makeLink()
        let (first, began, _) = try #require(nextAttempt(&link))
        link.received(.comment, over: first, at: began + .seconds(9))
        link.tick(at: began + .seconds(10))
        #expect(link.takeEffects().first == .disconnect(first) && link.phase == .waiting)
        let (second, now, _) = try #require(nextAttempt(&link))
        #expect(second != first)
        link.received(try RelayEvent.hello(epoch: "e", link: "old").part(id: nil), over: first, at: now)
        link.ended(first, detail: "late", at: now)
        #expect(link.takeEffects().isEmpty && link.phase == .connecting)
        link.received(try RelayEvent.hello(epoch: "e", link: "new").part(id: nil), over: second, at: now)
        link.received(try RelayEvent.drain.part(), over: first, at: now)
        link.ended(first, detail: "later still", at: now)
        #expect(link.phase == .open)
    }

    @Test("A first event that is not hello fails the link; so does one that cannot be read")
    func notHello() throws {
        for part in [
            try RelayEvent.reset.part(), try RelayEvent.dial(nonce: "n").part(),
            .event(id: nil, name: "hello", data: "[]"),
        ] {
            var link = makeLink()
            let (attempt, now, _) = try #require(nextAttempt(&link))
            link.received(.event(id: nil, name: "later", data: "?"), over: attempt, at: now)
            #expect(link.phase == .connecting)
            link.received(part, over: attempt, at: now)
            #expect(link.takeEffects().first == .disconnect(attempt) && link.phase == .waiting)
        }
    }

    @Test("Heartbeats go every five seconds; silence cuts everything off, and comments are no silence")
    func silence() throws {
        var link = makeLink()
        let (attempt, opened) = try open(&link)
        #expect(
            link.takeEffects() == [.report(.linked), .sendHeartbeat(link: "l", last: nil, roundTrip: nil)])
        link.received(.comment, over: attempt, at: opened + .seconds(7))
        link.heartbeatAnswered("l", .success(.milliseconds(4)), at: opened)
        link.heartbeatAnswered("other", .failure(.unknownLink), at: opened)
        link.heartbeatAnswered("l", .failure(.malformed("lost")), at: opened)
        var times: [Duration] = []
        while link.phase == .open, times.count < 20 {
            let now = try #require(link.nextDeadline)
            times.append(now - opened)
            link.tick(at: now)
            let effects = link.takeEffects()
            if link.phase == .open {
                #expect(effects == [.sendHeartbeat(link: "l", last: "e-1", roundTrip: .milliseconds(4))])
            } else {
                #expect(effects.prefix(3) == [.cutOff, .streamsLost, .disconnect(attempt)])
            }
        }
        // The other end may not know it yet, and has to give up the same.
        let (_, _, last) = try #require(nextAttempt(&link))
        #expect(last == nil)
        #expect(times == [5, 10, 15, 20, 25, 27].map { .seconds($0) })
    }

    @Test("An external member that does not know the link, or stops, is linked to anew", arguments: [true, false])
    func reconnects(isDrained: Bool) throws {
        var link = makeLink()
        let (attempt, now) = try open(&link)
        _ = link.takeEffects()
        if isDrained {
            link.received(try RelayEvent.drain.part(), over: attempt, at: now)
        } else {
            link.heartbeatAnswered("l", .failure(.unknownLink), at: now)
        }
        let lost: [RelayLink.Effect] = isDrained ? [] : [.cutOff, .streamsLost]
        #expect(link.takeEffects().prefix(lost.count + 1) == lost + [.disconnect(attempt)])
        #expect(link.phase == .waiting)
        let (_, again, last) = try #require(nextAttempt(&link))
        #expect(again > now && again <= now + .seconds(2) && last == (isDrained ? "e-1" : nil))
    }

    @Test("Another process, and a reset, lose all streams; the next link begins with the id of the latter")
    func loses() throws {
        var link = makeLink()
        let (first, now) = try open(&link)
        link.received(try RelayEvent.end(stream: "s").part(id: "e-5"), over: first, at: now)
        link.ended(first, detail: "cut", at: now)
        _ = link.takeEffects()
        let (second, again, last) = try #require(nextAttempt(&link))
        #expect(last == "e-5")
        link.received(try RelayEvent.hello(epoch: "f", link: "l").part(id: nil), over: second, at: again)
        #expect(link.takeEffects().prefix(2) == [.cutOff, .streamsLost])
        // Without the reset that belongs to it, hello is worth nothing.
        link.ended(second, detail: "cut", at: again)
        let (third, later, none) = try #require(nextAttempt(&link))
        #expect(none == nil)
        link.received(try RelayEvent.hello(epoch: "f", link: "l").part(id: nil), over: third, at: later)
        link.received(try RelayEvent.reset.part(id: "f-9"), over: third, at: later)
        #expect(link.takeEffects().contains(.streamsLost))
        link.ended(third, detail: "cut", at: later)
        #expect(try #require(nextAttempt(&link)).2 == "f-9")
    }

    @Test("What comes over the link is handed on, in order")
    func hands() throws {
        var link = makeLink()
        let (attempt, now) = try open(&link)
        _ = link.takeEffects()
        let events: [RelayEvent] = [
            .dial(nonce: "n"), .data(stream: "s", offset: 3, bytes: [1]), .received(stream: "s", count: 4),
            .end(stream: "s"),
        ]
        for event in events { link.received(try event.part(), over: attempt, at: now) }
        #expect(
            link.takeEffects() == [
                .dialBack(nonce: "n"), .received(stream: "s", offset: 3, bytes: [1]),
                .confirmed(stream: "s", count: 4), .ended(stream: "s"),
            ])
    }

    @Test("A link that is given up stays so")
    func shutsDown() throws {
        var link = makeLink()
        let (attempt, now) = try open(&link)
        _ = link.takeEffects()
        link.shutDown()
        #expect(link.takeEffects() == [.disconnect(attempt), .streamsLost] && link.nextDeadline == nil)
        link.tick(at: now + .seconds(100_000))
        link.received(try RelayEvent.reset.part(), over: attempt, at: now)
        #expect(link.takeEffects().isEmpty && link.phase == .waiting)
    }

    @Test("The same reason is told once, not at every attempt")
    func reports() throws {
        var link = makeLink()
        var reports: [RelayLink.Report] = []
        for number in 0..<6 {
            let (attempt, now, _) = try #require(nextAttempt(&link))
            link.ended(attempt, detail: number < 4 ? "refused" : "unreachable", at: now)
            for case .report(let report) in link.takeEffects() { reports.append(report) }
        }
        #expect(reports == [.failed("refused"), .failed("unreachable")])
    }
}
