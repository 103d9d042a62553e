// How often somebody may try to log in: for each account and for each source.
import Synchronization

/// Counts failed logins. Times are handed in.
package final class AttemptLimits: Sendable {
    /// Failures of one account from one source, of one source, and of one account from everywhere, within the period.
    static let pairMax = 5
    static let sourceMax = 20
    static let accountMax = 50
    /// How long a failure counts.
    static let period: Duration = .seconds(300)
    /// Accounts and sources remembered; beyond it the oldest are forgotten.
    package static let subjectCountMax = 20_000

    private let failures = Mutex<[String: [ContinuousClock.Instant]]>([:])

    /// No failures yet.
    package init() {}

    /// How long to wait before another attempt, or nil where it may be made now.
    package func waitingTime(account: String, source: String, at now: ContinuousClock.Instant) -> Duration? {
        failures.withLock { failures in
            var longest: Duration?
            for (subject, countMax) in Self.subjects(account, source) {
                let recent = (failures[subject] ?? []).filter { now - $0 < Self.period }
                failures[subject] = recent.isEmpty ? nil : recent
                guard recent.count >= countMax else { continue }
                let wait = Self.period - (now - recent[recent.count - countMax])
                longest = max(longest ?? .zero, wait)
            }
            return longest
        }
    }

    /// Counts a failure of the account, of the source, and of the two together.
    package func failed(account: String, source: String, at now: ContinuousClock.Instant) {
        failures.withLock { failures in
            if failures.count >= Self.subjectCountMax { Self.forgetOldest(&failures, at: now) }
            for (subject, countMax) in Self.subjects(account, source) {
                failures[subject] = (failures[subject] ?? []).suffix(countMax - 1) + [now]
            }
        }
    }

    /// Takes back the latest failure, which turned out to be none.
    package func withdraw(account: String, source: String) {
        failures.withLock { failures in
            for (subject, _) in Self.subjects(account, source) {
                let rest = (failures[subject] ?? []).dropLast()
                failures[subject] = rest.isEmpty ? nil : Array(rest)
            }
        }
    }

    /// A right password is no failure, and clears what its account did wrong from its source.
    package func succeeded(account: String, source: String) {
        withdraw(account: account, source: source)
        failures.withLock { $0[Self.pair(account, source)] = nil }
    }

    /// Makes room for many: first what the period is over for, then the half that was longest ago.
    private static func forgetOldest(
        _ failures: inout [String: [ContinuousClock.Instant]], at now: ContinuousClock.Instant
    ) {
        failures = failures.filter { $0.value.last.map { now - $0 < period } ?? false }
        guard failures.count >= subjectCountMax else { return }
        let newest = failures.sorted { ($0.value.last ?? now) > ($1.value.last ?? now) }.prefix(subjectCountMax / 2)
        failures = Dictionary(uniqueKeysWithValues: newest.map { ($0.key, $0.value) })
    }

    private static func pair(_ account: String, _ source: String) -> String { "pair \(account)\n\(source)" }

    private static func subjects(_ account: String, _ source: String) -> [(String, Int)] {
        [(pair(account, source), pairMax), ("source \(source)", sourceMax), ("account \(account)", accountMax)]
    }
}
