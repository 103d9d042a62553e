// Keeps a message that comes again and again from filling the log.
import Synchronization

/// Tells whether a text is news: not said within a period.
package final class RepeatFilter: Sendable {
    private let period: Duration
    private let said = Mutex<[String: ContinuousClock.Instant]>([:])

    /// Texts remembered at once; beyond that all are forgotten.
    private static let countMax = 1_024

    /// - Parameter period: How long a text is no news after it was.
    package init(period: Duration) { self.period = period }

    /// True for a text that was not news within the period; it is from now on. May be called on any thread.
    package func isNews(_ text: String) -> Bool {
        let now = ContinuousClock.now
        return said.withLock { said in
            if let last = said[text], now - last < period { return false }
            if said.count >= Self.countMax { said = [:] }
            said[text] = now
            return true
        }
    }
}
