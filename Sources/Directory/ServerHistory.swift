// What the members have told of their load, memory and metrics in the last hour, as this member has heard it.
package import JSON
package import OperatingSystem
package import Replica
import Synchronization

/// A short history of every member, in memory alone.
///
/// 200 members with load and memory alone were measured to take 0.4 MiB here, with 32 series each 13 MiB.
package final class ServerHistory: Sendable {
    /// From one point to the next; of what comes in between the last counts.
    package static let stepSeconds = 30
    /// Points of a series: one hour.
    package static let pointCountMax = 120
    /// Series of a member, load and memory among them. Of more metrics, those that come first by name have one.
    package static let seriesCountMax = 32
    /// Members with a history; beyond it, the one goes that was heard of longest ago.
    package static let serverCountMax = 1_000

    private static let loadName = "load"
    private static let memoryName = "freemem"
    private static let metricPrefix = "metrics/"

    /// The points of one member. Steps are counted from the start of this process.
    private struct Rings {
        private(set) var lastStep: Int
        private var firstStep: Int
        /// By name; what is not there is not a number. The point of a step is at its remainder.
        private var points: [String: [Double]] = [:]

        init(at step: Int) { (lastStep, firstStep) = (step, step) }

        mutating func take(_ values: [(name: String, value: Double)], at step: Int) {
            advance(to: step)
            for (name, value) in values {
                if points[name] == nil {
                    guard points.count < seriesCountMax else { continue }
                    points[name] = [Double](repeating: .nan, count: pointCountMax)
                }
                points[name]?[step % pointCountMax] = value
            }
        }

        /// Empties what lies between, and forgets series that have no point left.
        private mutating func advance(to step: Int) {
            guard step > lastStep else { return }
            let passed = (lastStep + 1...step).suffix(pointCountMax)
            for name in Array(points.keys) {
                for step in passed { points[name]?[step % pointCountMax] = .nan }
            }
            points = points.filter { !$0.value.allSatisfy(\.isNaN) }
            lastStep = step
            firstStep = max(firstStep, step - pointCountMax + 1)
        }

        /// From the oldest step on to the present one.
        func series(at step: Int) -> (first: Int, points: [String: JSONValue]) {
            var copy = self
            copy.advance(to: step)
            let steps = copy.firstStep...copy.lastStep
            return (
                copy.firstStep,
                copy.points.mapValues { ring in
                    .array(
                        steps.map { step in
                            let value = ring[step % pointCountMax]
                            return value.isNaN ? .null : .number(value)
                        })
                }
            )
        }
    }

    private let began: ContinuousClock.Instant
    private let rings = Mutex<[ServerID: Rings]>([:])

    /// - Parameter began: When the first step begins.
    package init(began: ContinuousClock.Instant = .now) { self.began = began }

    private func step(at now: ContinuousClock.Instant) -> Int {
        Int((now - began) / .seconds(Self.stepSeconds))
    }

    /// Takes in what comes from now on.
    package func follow(_ events: Observers<RegistryEvent>) {
        events.observe { [self] event in
            if case .server(let update) = event { take(update) }
        }
    }

    /// Keeps a member's numbers. The last words of an agent that stops are no news of its host.
    package func take(_ update: ServerUpdate, at now: ContinuousClock.Instant = .now) {
        guard !update.isStopped else { return }
        var values: [(String, Double)] = []
        if let load = update.load { values.append((Self.loadName, load)) }
        if let memory = update.freeMemory { values.append((Self.memoryName, Double(memory))) }
        for (name, value) in update.numericMetrics.sorted(by: { $0.key < $1.key }) {
            values.append((Self.metricPrefix + name, value))
        }
        let step = step(at: now)
        rings.withLock { rings in
            rings[update.serverID, default: Rings(at: step)].take(values, at: step)
            guard rings.count > Self.serverCountMax else { return }
            if let oldest = rings.min(by: { $0.value.lastStep < $1.value.lastStep }) { rings[oldest.key] = nil }
        }
    }

    /// A member's series up to now; nil of one that was not heard of for an hour.
    ///
    /// - Parameter withMetrics: Whether those of metrics are among them.
    package func document(
        of serverID: ServerID, withMetrics: Bool, at now: ContinuousClock.Instant = .now,
        wallTime: WallTime = WallClock.now()
    ) -> JSONValue? {
        let step = step(at: now)
        let (first, points) = rings.withLock { $0[serverID]?.series(at: step) } ?? (step, [:])
        guard !points.isEmpty else { return nil }
        let age = Int64((now - (began + .seconds(first * Self.stepSeconds))) / .milliseconds(1))
        let began = WallTime(milliseconds: UInt64(max(0, Int64(wallTime.milliseconds) - age)))
        var document: [String: JSONValue] = [
            "serverId": .string(serverID.text), "from": .string(began.text),
            "stepSeconds": .integer(Int64(Self.stepSeconds)),
        ]
        for name in [Self.loadName, Self.memoryName] { document[name] = points[name] }
        if withMetrics {
            let metrics = points.filter { $0.key.hasPrefix(Self.metricPrefix) }
                .map { (String($0.key.dropFirst(Self.metricPrefix.count)), $0.value) }
            document["metrics"] = .object(Dictionary(metrics) { $1 })
        }
        return .object(document)
    }
}
