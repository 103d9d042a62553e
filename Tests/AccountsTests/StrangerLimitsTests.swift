// How often scripts may run for people of one address who have proved nothing yet.
import Accounts
import Testing

@Suite("Limits of placements for strangers")
struct StrangerLimitsTests {
    private let limits = StrangerLimits()
    private let start = ContinuousClock.now

    private func begin(_ source: String, at now: ContinuousClock.Instant? = nil) -> Duration? {
        limits.begin(from: source, at: now ?? start)
    }

    /// As many as are let through, which come to nothing.
    private func fail(_ count: Int, from source: String, at now: ContinuousClock.Instant? = nil) {
        for _ in 0..<count {
            #expect(begin(source, at: now) == nil)
            limits.end(from: source, isFailure: true, at: now ?? start)
        }
    }

    @Test("200 who log in at once from one address, again and again, are never limited")
    func successes() {
        for _ in 0..<5 {
            for _ in 0..<200 { #expect(begin("a") == nil) }
            for _ in 0..<200 { limits.end(from: "a", isFailure: false, at: start) }
        }
    }

    @Test("As many as came to nothing make an address wait until the oldest is old enough, and no other address")
    func failures() {
        fail(1, from: "a")
        let later = start + .seconds(100)
        fail(StrangerLimits.countMax - 1, from: "a", at: later)
        #expect(begin("a", at: later) == .seconds(200))
        #expect(begin("b", at: later) == nil)
        #expect(begin("a", at: start + StrangerLimits.period) == nil)
        #expect(begin("a", at: start + StrangerLimits.period) == StrangerLimits.moment)
    }

    @Test("Those under way count too, and have others of their address wait a moment alone")
    func underWay() {
        for _ in 0..<StrangerLimits.countMax { #expect(begin("a") == nil) }
        #expect(begin("a") == StrangerLimits.moment)
        #expect(begin("b") == nil)
        limits.end(from: "a", isFailure: false, at: start)
        #expect(begin("a") == nil)
        // However long they take.
        #expect(begin("a", at: start + StrangerLimits.period) == StrangerLimits.moment)
    }

    @Test("An answer that logs in takes back what the question before it counted")
    func withdrawn() {
        fail(StrangerLimits.countMax, from: "a")
        #expect(begin("a") != nil)
        limits.withdraw(from: "a")
        #expect(begin("a") == nil)
        limits.withdraw(from: "nobody")
    }

    @Test("Where many are remembered, those of longest ago make room, and those under way stay")
    func many() {
        for _ in 0..<StrangerLimits.countMax { #expect(begin("busy") == nil) }
        fail(StrangerLimits.countMax, from: "old")
        var now = start
        for number in 0..<StrangerLimits.sourceCountMax {
            now += .milliseconds(1)
            fail(1, from: "s\(number)", at: now)
        }
        #expect(begin("old", at: now) == nil)
        #expect(begin("busy", at: now) == StrangerLimits.moment)
    }
}
