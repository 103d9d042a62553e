// How many messages a steward may send, so that no user keeps the agent busy.

/// A store of allowances that fills up with time.
package struct MessageBudget: Sendable {
    /// What is allowed for long: a report of each session in a second is more than ever happens.
    package static let perSecond = 200
    /// What is allowed at once: all sessions after a new connection.
    package static let storeMax = 3_000

    private var store = Double(Self.storeMax)
    private var last: ContinuousClock.Instant

    /// With a full store.
    package init(now: ContinuousClock.Instant) {
        last = now
    }

    /// `false` when the store is empty.
    package mutating func take(now: ContinuousClock.Instant) -> Bool {
        let (seconds, attoseconds) = last.duration(to: now).components
        let filled = store + (Double(seconds) + Double(attoseconds) * 1e-18) * Double(Self.perSecond)
        last = now
        store = min(filled, Double(Self.storeMax)) - 1
        return store >= 0
    }
}
