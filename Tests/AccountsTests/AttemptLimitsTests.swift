// How often somebody may try to log in.
import Accounts
import Testing

@Suite("Limits of attempts to log in")
struct AttemptLimitsTests {
    private let limits = AttemptLimits()
    private let start = ContinuousClock.now

    private func fail(_ count: Int, account: String, source: String) {
        for _ in 0..<count { limits.failed(account: account, source: source, at: start) }
    }

    @Test("Five failures of an account from a source make it wait, and nobody else")
    func pair() {
        fail(4, account: "ann", source: "a")
        #expect(limits.waitingTime(account: "ann", source: "a", at: start) == nil)
        fail(1, account: "ann", source: "a")
        #expect(limits.waitingTime(account: "ann", source: "a", at: start) == .seconds(300))
        #expect(limits.waitingTime(account: "ann", source: "b", at: start) == nil)
        #expect(limits.waitingTime(account: "bob", source: "a", at: start) == nil)
    }

    @Test("The wait ends when the oldest failure is old enough")
    func ends() {
        fail(5, account: "ann", source: "a")
        let later = start + .seconds(100)
        #expect(limits.waitingTime(account: "ann", source: "a", at: later) == .seconds(200))
        #expect(limits.waitingTime(account: "ann", source: "a", at: start + .seconds(300)) == nil)
    }

    @Test("A source that tries many accounts waits, whatever account it tries next")
    func source() {
        for number in 0..<20 { fail(1, account: "user\(number)", source: "a") }
        #expect(limits.waitingTime(account: "another", source: "a", at: start) != nil)
        #expect(limits.waitingTime(account: "another", source: "b", at: start) == nil)
    }

    @Test("An account that is tried from many sources waits everywhere")
    func account() {
        for number in 0..<50 { fail(1, account: "ann", source: "s\(number)") }
        #expect(limits.waitingTime(account: "ann", source: "new", at: start) != nil)
        #expect(limits.waitingTime(account: "bob", source: "new", at: start) == nil)
    }

    @Test("A right password clears the account's failures from its source, not those of the source")
    func success() {
        fail(5, account: "ann", source: "a")
        limits.succeeded(account: "ann", source: "a")
        #expect(limits.waitingTime(account: "ann", source: "a", at: start) == nil)
        for number in 0..<16 { fail(1, account: "user\(number)", source: "a") }
        #expect(limits.waitingTime(account: "ann", source: "a", at: start) != nil)
    }

    @Test("Where many are remembered, those of longest ago make room, and what was just tried still waits")
    func many() {
        fail(5, account: "first", source: "a")
        let later = start + .seconds(10)
        for number in 0..<AttemptLimits.subjectCountMax {
            limits.failed(account: "user\(number)", source: "s\(number)", at: later)
            // Right passwords leave nothing behind.
            limits.succeeded(account: "user\(number)", source: "s\(number)")
        }
        #expect(limits.waitingTime(account: "first", source: "a", at: later) != nil)
        for _ in 0..<5 { limits.failed(account: "ann", source: "b", at: later) }
        var now = later
        for number in 0..<AttemptLimits.subjectCountMax {
            now += .milliseconds(1)
            limits.failed(account: "user\(number)", source: "s\(number)", at: now)
            if number % 1_000 == 0 { limits.failed(account: "ann", source: "b", at: now) }
        }
        #expect(limits.waitingTime(account: "ann", source: "b", at: now) != nil)
    }

    @Test("A failure that was none is taken back")
    func withdrawn() {
        fail(5, account: "ann", source: "a")
        limits.withdraw(account: "ann", source: "a")
        #expect(limits.waitingTime(account: "ann", source: "a", at: start) == nil)
    }
}
