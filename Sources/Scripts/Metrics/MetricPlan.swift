// What metrics there are to run, and how.

/// The metrics of a host as they are configured at one moment.
package struct MetricPlan: Sendable, Equatable {
    /// The functions, ordered by name, in which order they run.
    package var sources: [ScriptSource] = []
    /// Metrics that cannot be run as they are, and why.
    package var unusable: [String: String] = [:]
    /// Who starts the process that they run in; nil where they do not run.
    package var way: ScriptGuardWay?
    /// `time` is for one metric.
    package var limits: ScriptLimits
    /// Of the files that the programs of the limits are. A worker may start the files that were there when it began.
    package var programMarks: [String] = []
    /// From one server update to the next.
    package var interval: Duration

    /// No metrics.
    package init(limits: ScriptLimits, interval: Duration) {
        self.limits = limits
        self.interval = interval
    }

    /// Whether there is anything to run.
    var isRunning: Bool { way != nil && !sources.isEmpty }

    /// Whether a worker that was started by another plan does for this one.
    func hasWorkers(of other: MetricPlan) -> Bool {
        isRunning && way == other.way && limits == other.limits && programMarks == other.programMarks
    }
}
