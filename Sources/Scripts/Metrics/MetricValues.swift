// The latest values of metrics, and which of them a server update takes.
package import JSON
import OperatingSystem

/// What a server update says of metrics.
package struct MetricReport: Sendable, Equatable {
    /// The values by the names of their metrics.
    package var values: [String: JSONValue] = [:]
    /// What is wrong with a metric, in one sentence; it may have an older value all the same.
    package var errors: [String: String] = [:]

    /// Of no metrics.
    package init() {}
}

/// The latest values.
package struct MetricValues: Sendable {
    /// What all values of a host may have together, in bytes of JSON, with their names.
    package static let byteCountMax = 256 << 10
    /// One error.
    package static let errorCharacterCountMax = 500
    /// All errors of a host together, with their names; those beyond it are left out, the last names first.
    package static let errorsByteCountMax = 64 << 10
    /// After so many intervals without another one a value is left out.
    package static let intervalCountMax = 3

    private struct Value {
        let json: JSONValue
        let byteCount: Int
        let time: ContinuousClock.Instant
        /// The same on the wall, as text.
        let shownTime: String
        /// Of the function that had it.
        let text: [UInt8]
    }

    private var values: [String: Value] = [:]
    /// What came last, where that was no value.
    private var errors: [String: String] = [:]

    /// None.
    package init() {}

    /// Takes over what came of a call. Returns whether anything is different from before.
    ///
    /// - Parameter time: When it came.
    package mutating func take(
        _ outcome: MetricOutcome, of metric: ScriptSource, at time: ContinuousClock.Instant = .now,
        shown: String = WallClock.text(milliseconds: WallClock.milliseconds())
    ) -> Bool {
        let (oldValue, oldError) = (values[metric.name], errors[metric.name])
        switch outcome {
        case .value(let json, let byteCount):
            values[metric.name] = Value(
                json: json, byteCount: byteCount, time: time, shownTime: shown, text: metric.text)
            errors[metric.name] = nil
        case .failed(let sentence):
            // What another function found out is not this one's.
            if oldValue?.text != metric.text { values[metric.name] = nil }
            errors[metric.name] = Self.shown(sentence)
        }
        return values[metric.name]?.json != oldValue?.json || errors[metric.name] != oldError
    }

    /// Forgets all but some.
    package mutating func keep(_ names: Set<String>) {
        values = values.filter { names.contains($0.key) }
        errors = errors.filter { names.contains($0.key) }
    }

    /// What a server update takes now.
    package func report(_ plan: MetricPlan, at now: ContinuousClock.Instant = .now) -> MetricReport {
        var report = MetricReport()
        guard plan.way != nil else { return report }
        var byteCounts: [String: Int] = [:]
        for (name, problem) in plan.unusable { report.errors[name] = Self.shown(problem) }
        for metric in plan.sources {
            let name = metric.name
            report.errors[name] = errors[name]
            guard let value = values[name] else { continue }
            guard now - value.time <= plan.interval * Self.intervalCountMax else {
                let reason = errors[name] ?? "its turn has not come again"
                report.errors[name] = Self.shown("no value since \(value.shownTime): \(reason)")
                continue
            }
            report.values[name] = value.json
            byteCounts[name] = value.byteCount + name.utf8.count
        }
        Self.bound(&report, byteCounts)
        return report
    }

    /// Leaves the largest values out until all of them fit, and errors beyond what there is room for.
    private static func bound(_ report: inout MetricReport, _ byteCounts: [String: Int]) {
        var sum = byteCounts.values.reduce(0, +)
        let largestFirst = byteCounts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        for (name, byteCount) in largestFirst where sum > byteCountMax {
            sum -= byteCount
            report.values[name] = nil
            report.errors[name] =
                "its value of \(byteCount) bytes is left out: all values together may have \(byteCountMax) bytes, "
                + "and the largest go first"
        }
        var room = errorsByteCountMax
        for name in report.errors.keys.sorted() {
            room -= name.utf8.count + (report.errors[name]?.utf8.count ?? 0)
            if room < 0 { report.errors[name] = nil }
        }
    }

    private static func shown(_ sentence: String) -> String {
        String(ShownText.oneLine(sentence).prefix(errorCharacterCountMax))
    }
}
