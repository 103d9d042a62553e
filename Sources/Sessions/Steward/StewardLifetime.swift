// When a steward is not needed any more, as a value.

/// Nobody is logged in and no session lives: the steward ends after a while.
package struct StewardLifetime: Sendable {
    /// Between a login and its first session, and between two pages of a browser.
    package static let idleTimeMax: Duration = .seconds(10)
    /// While the agent is away, nobody can tell of logins.
    package static let unreachableTimeMax: Duration = .seconds(300)

    private var isConnected = false
    private var loginCount = 0
    private var livingCount = 0
    private var idleSince: ContinuousClock.Instant
    private var unreachableSince: ContinuousClock.Instant

    /// Not connected, nobody logged in and no session, from now on.
    package init(now: ContinuousClock.Instant) {
        idleSince = now
        unreachableSince = now
    }

    /// Takes what is so now.
    package mutating func update(isConnected: Bool, loginCount: Int, livingCount: Int, now: ContinuousClock.Instant) {
        let wasBusy = self.loginCount > 0 || self.livingCount > 0 || !self.isConnected
        let hadSessions = self.livingCount > 0
        if wasBusy { idleSince = now }
        if self.isConnected || hadSessions { unreachableSince = now }
        self.isConnected = isConnected
        self.loginCount = loginCount
        self.livingCount = livingCount
    }

    /// When to end unless something changes before; `nil` for not at all.
    package var deadline: ContinuousClock.Instant? {
        if livingCount > 0 { return nil }
        if !isConnected { return unreachableSince + Self.unreachableTimeMax }
        return loginCount > 0 ? nil : idleSince + Self.idleTimeMax
    }
}

/// How long to wait before dialling the agent again: twice as long each time, with half of it left to chance, so that
/// the stewards of a host do not come all at once after a restart.
package struct DialBackoff: Sendable {
    /// The longest that the first wait can be, also the first one after `reset`.
    package static let first: Duration = .milliseconds(250)
    /// The longest that any wait can be.
    package static let last: Duration = .seconds(5)
    private var next = Self.first

    /// The next wait is the first one.
    package init() {}

    /// - Parameter chance: 0 to 1.
    package mutating func wait(chance: Double) -> Duration {
        defer { next = min(next * 2, Self.last) }
        return next / 2 + next / 2 * chance
    }

    /// To be called once the agent has answered: the next wait is the first one again.
    package mutating func reset() { next = Self.first }
}
