// How often scripts may run for people of one address who have proved nothing yet.
import Synchronization

/// Counts the placements of each source whose login has not succeeded: those under way, and those that ended without a login
/// not long ago. Times are handed in.
package final class StrangerLimits: Sendable {
    /// So many of one source. 200 people behind one address may log in at once, and some of them mistype; but they are fewer
    /// than may wait for a worker, so that no address has the queue of strangers to itself.
    package static let countMax = 224
    /// How long one that ended without a login counts.
    package static let period: Duration = .seconds(300)
    /// How long to wait where it is for those that are under way.
    package static let moment: Duration = .seconds(2)
    /// Sources remembered; beyond it those of longest ago are forgotten.
    package static let sourceCountMax = 20_000

    private struct Placements {
        var underWayCount = 0
        /// When those ended that led to no login, the latest last.
        var failures: [ContinuousClock.Instant] = []

        var isEmpty: Bool { underWayCount == 0 && failures.isEmpty }

        mutating func forgetOld(at now: ContinuousClock.Instant) {
            failures.removeAll { now - $0 >= StrangerLimits.period }
        }
    }

    private let sources = Mutex<[String: Placements]>([:])

    /// No placements yet.
    package init() {}

    /// Begins a placement, unless there are too many.
    ///
    /// - Returns: How long to wait before another try, and nothing has begun; nil where it has, and `end` has to be called.
    package func begin(from source: String, at now: ContinuousClock.Instant) -> Duration? {
        sources.withLock { sources in
            var placements = sources[source] ?? Placements()
            placements.forgetOld(at: now)
            guard placements.underWayCount + placements.failures.count < Self.countMax else {
                sources[source] = placements
                guard placements.failures.count >= Self.countMax else { return Self.moment }
                return Self.period - (now - placements.failures[placements.failures.count - Self.countMax])
            }
            if sources.count >= Self.sourceCountMax { Self.forgetOldest(&sources, at: now) }
            placements.underWayCount += 1
            sources[source] = placements
            return nil
        }
    }

    /// Ends a placement that has begun.
    ///
    /// - Parameter isFailure: Whether no login came of it, and it goes on to count.
    package func end(from source: String, isFailure: Bool, at now: ContinuousClock.Instant) {
        sources.withLock { sources in
            var placements = sources[source] ?? Placements()
            placements.underWayCount -= 1
            if isFailure { placements.failures.append(now) }
            sources[source] = placements.isEmpty ? nil : placements
        }
    }

    /// Takes back the latest one that ended without a login: its user was asked something, and has answered.
    package func withdraw(from source: String) {
        sources.withLock { sources in
            guard var placements = sources[source] else { return }
            _ = placements.failures.popLast()
            sources[source] = placements.isEmpty ? nil : placements
        }
    }

    /// Makes room: first what the period is over for, then the half that was longest ago. What is under way stays.
    private static func forgetOldest(_ sources: inout [String: Placements], at now: ContinuousClock.Instant) {
        for source in sources.keys { sources[source]?.forgetOld(at: now) }
        sources = sources.filter { !$0.value.isEmpty }
        guard sources.count >= sourceCountMax else { return }
        let newest = sources.sorted { first, second in
            (first.value.failures.last ?? now) > (second.value.failures.last ?? now)
        }.prefix(sourceCountMax / 2)
        let underWay = sources.filter { $0.value.underWayCount > 0 }
        sources = Dictionary(uniqueKeysWithValues: newest.map { ($0.key, $0.value) })
        sources.merge(underWay) { $1 }
    }
}
