// Runs the metrics of a host, one after the other, whenever a server update is made.
import OperatingSystem

/// What `status` says of the worker for metrics.
package struct MetricRunnerStatus: Sendable, Equatable {
    /// Of its process; nil where there is none.
    package var workerPID: Int32?
    /// Who has started it, or would start one now; nil where metrics do not run.
    package var way: ScriptGuardWay?
    /// What the last start has told; nil as long as none has ended that was like the next one would be.
    package var lastStart: WorkerStart?

    /// Of no worker.
    package init() {}
}

/// Has all metrics called at each server update, and holds their latest values.
///
/// Nobody waits for it: an update takes what there is, and is made again when something has changed.
package actor MetricRunner {
    private let plan: @Sendable () -> MetricPlan
    private let start: @Sendable (ScriptLimits, ScriptGuardWay) async throws -> any MetricWorker
    private let changed: @Sendable () -> Void
    private let bell = Bell()

    private var values = MetricValues()
    /// By which the last round went, or goes.
    private var lastPlan: MetricPlan?
    private var lastBegun: ContinuousClock.Instant?
    private var worker: (any MetricWorker)?
    /// All whose processes have not ended, whether they are still used or not.
    private var alive: [ObjectIdentifier: any MetricWorker] = [:]
    /// By which the worker was started.
    private var workerPlan: MetricPlan?
    /// The metric that is called.
    private var running: ScriptSource?
    /// By which plan a start has ended last, and what it has told.
    private var lastStart: (plan: MetricPlan, outcome: WorkerStart)?

    /// - Parameters:
    ///   - plan: As it is configured now.
    ///   - start: Starts a worker.
    ///   - changed: Called when the next report is another one than the last.
    package init(
        plan: @escaping @Sendable () -> MetricPlan,
        start: @escaping @Sendable (ScriptLimits, ScriptGuardWay) async throws -> any MetricWorker,
        changed: @escaping @Sendable () -> Void
    ) {
        self.plan = plan
        self.start = start
        self.changed = changed
    }

    // MARK: From outside

    /// A server update is made: the next round is due.
    package nonisolated func updateIsMade() { bell.ring() }

    /// The configuration has changed. What must not run any more ends at once.
    package func reconsider() async {
        let now = plan()
        guard now != lastPlan else { return }
        let goesOn = workerPlan.map(now.hasWorkers) ?? false
        if !goesOn || !(running.map(now.sources.contains) ?? true) { await endWorker() }
        bell.ring()
    }

    /// What an update takes now.
    package func report() -> MetricReport { values.report(plan()) }

    /// What is known of the worker.
    package var status: MetricRunnerStatus {
        let now = plan()
        var status = MetricRunnerStatus()
        status.workerPID = worker?.pid
        status.way = workerPlan?.way ?? now.way
        status.lastStart = lastStart.flatMap { now.hasWorkers(of: $0.plan) ? $0.outcome : nil }
        return status
    }

    /// Runs until cancelled; no process is left then.
    package func run() async {
        while await bell.wait() { await round() }
        await endWorker()
        await WorkerEnd.wait { await self.waitForEnds() }
    }

    // MARK: Rounds

    /// Updates are also made because something has changed, such as a value here: that is no reason to ask again.
    private func isDue(_ plan: MetricPlan, _ now: ContinuousClock.Instant) -> Bool {
        guard let lastBegun, plan == lastPlan else { return true }
        return now - lastBegun >= plan.interval * 3 / 4
    }

    private func round() async {
        let (plan, now) = (plan(), ContinuousClock.now)
        guard isDue(plan, now) else { return }
        let isFollowing = lastPlan != nil && plan != lastPlan
        (lastPlan, lastBegun) = (plan, now)
        values.keep(Set(plan.sources.map(\.name)))
        if !(workerPlan.map(plan.hasWorkers) ?? true) { await endWorker() }
        if isFollowing { changed() }
        guard plan.isRunning, let way = plan.way else { return }
        for (index, metric) in plan.sources.enumerated() {
            let worker: any MetricWorker
            do {
                worker = try await usableWorker(plan, way)
            } catch {
                if Task.isCancelled { return }
                lastStart = (plan, WorkerStart(problem: "\(error)"))
                return takeFailure(of: plan.sources[index...], "\(error)")
            }
            // A round of what was configured before goes no further.
            guard self.plan() == plan else { return bell.ring() }
            let outcome = await outcome(of: metric, worker)
            if Task.isCancelled { return }
            guard self.plan() == plan else { return bell.ring() }
            if values.take(outcome, of: metric) { changed() }
        }
    }

    private func takeFailure(of metrics: ArraySlice<ScriptSource>, _ problem: String) {
        let hasChanged = metrics.map { values.take(.failed("it cannot run: \(problem)"), of: $0) }
        if hasChanged.contains(true) { changed() }
    }

    private func outcome(of metric: ScriptSource, _ worker: any MetricWorker) async -> MetricOutcome {
        running = metric
        defer { running = nil }
        let outcome = await withTaskCancellationHandler {
            await worker.value(of: metric)
        } onCancel: {
            Task { await worker.end() }
        }
        if await !worker.isUsable { await forget(worker) }
        return outcome
    }

    // MARK: The worker

    private func usableWorker(_ plan: MetricPlan, _ way: ScriptGuardWay) async throws -> any MetricWorker {
        if let worker, await worker.isUsable { return worker }
        let new = try await start(plan.limits, way)
        (worker, workerPlan) = (new, plan)
        lastStart = (plan, WorkerStart(nodeVersion: new.nodeVersion, missingWalls: new.missingWalls))
        alive[ObjectIdentifier(new)] = new
        Task {
            await new.waitForEnd()
            await bury(new)
        }
        return new
    }

    private func bury(_ old: any MetricWorker) async {
        alive[ObjectIdentifier(old)] = nil
        await forget(old)
    }

    private func waitForEnds() async {
        while let old = alive.values.first {
            await old.waitForEnd()
            await bury(old)
        }
    }

    private func forget(_ old: any MetricWorker) async {
        if worker === old { (worker, workerPlan) = (nil, nil) }
        await old.end()
    }

    private func endWorker() async {
        guard let old = worker else { return }
        await forget(old)
    }
}
