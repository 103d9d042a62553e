// The parts of a member that run metrics.
import Directory
import Glibc
import Global
import JSON
import MemberConfiguration
import OperatingSystem
import Scripts

/// Which metrics run on this host, and what runs them.
struct MetricParts: Sendable {
    /// What there is to know of the configuration.
    private struct Settings: Sendable {
        let member: RunningMember
        let global: GlobalConfigurationIndex
        let program: String

        private var settings: SettingsConfiguration { member.configuration.settings }

        /// What others are told.
        var mode: String {
            if settings.metrics == .off { return MetricsMode.off.rawValue }
            return way == nil ? "off: no unit" : settings.metrics.rawValue
        }

        /// What to do where metrics should run and cannot.
        var problem: String? {
            guard settings.metrics != .off, way == nil else { return nil }
            return "metrics do not run here, since the agent cannot reach \(MetricParts.unitSocket): enable the unit "
                + "fastx-metrics.socket, or let them run as the agent's own user with "
                + "\"scripts\": {\"metricsAs\": \"self\"} in config/settings.json"
        }

        /// How many metrics there are, of the cluster and of this host, whether they run or not.
        var knownCount: Int {
            let local = member.configuration.localMetrics
            return Set(global.current.metrics.keys).union(local.texts.keys).union(local.problems.keys).count
        }

        /// As it is now. Metrics of this host win over those of the cluster.
        var plan: MetricPlan {
            let (scripts, local) = (settings.scripts, member.configuration.localMetrics)
            var plan = MetricPlan(
                limits: ScriptLimits(
                    node: scripts.node, time: scripts.metricTimeLimit, memoryMiB: scripts.memoryLimitMiB,
                    programs: scripts.metricsPrograms),
                interval: settings.updateInterval)
            guard settings.metrics != .off else { return plan }
            plan.programMarks = RunnablePrograms.marks(of: scripts.metricsPrograms)
            var texts = settings.metrics == .cluster ? global.current.metrics : [:]
            texts.merge(local.texts) { $1 }
            for name in local.problems.keys { texts[name] = nil }
            plan.sources = texts.sorted { $0.key < $1.key }.map {
                ScriptSource(name: $0.key, text: Array($0.value.utf8))
            }
            plan.unusable = local.problems
            plan.way = way
            return plan
        }

        private var way: ScriptGuardWay? {
            switch settings.scripts.metricsAs {
            case .ownUser: .child(program: program)
            case .unit: unsafe access(unitSocket, W_OK) == 0 ? .unit(socket: unitSocket) : nil
            }
        }
    }

    /// Where `fastx-metrics.socket` listens.
    private static let unitSocket = "/run/fastx-metrics.sock"

    private let settings: Settings
    private let runner: MetricRunner

    /// - Parameters:
    ///   - update: Takes the values.
    ///   - publisher: Publishes it.
    init(
        _ member: RunningMember, _ global: GlobalParts, _ update: ServerUpdateSource, _ publisher: LeasePublisher
    ) async throws {
        let settings = Settings(
            member: member, global: global.index, program: try HostFile.linkTarget(of: "/proc/self/exe"))
        let log = WorkerStartLog("metrics", member.logger)
        let runner = MetricRunner {
            settings.plan
        } start: { limits, way in
            let worker = try await ScriptWorker.forMetrics(limits, through: way)
            log.take(WorkerStart(nodeVersion: worker.nodeVersion, missingWalls: worker.missingWalls))
            return worker
        } changed: {
            publisher.changed()
        }
        (self.settings, self.runner) = (settings, runner)
        global.index.changes.observe { _ in Task { await runner.reconsider() } }
        await member.configurations.observe { _ in Task { await runner.reconsider() } }
        await update.metrics { [self] in await report() }
    }

    /// Runs metrics until cancelled.
    func run() async { await runner.run() }

    /// What the next server update says of metrics; the next values are asked for meanwhile.
    private func report() async -> (mode: String, report: MetricReport) {
        runner.updateIsMade()
        return (settings.mode, await runner.report())
    }

    /// What `status` says of metrics.
    func status() async -> JSONValue {
        let (status, report) = (await runner.status, await runner.report())
        var document = status.lastStart.fields(node: settings.member.configuration.settings.scripts.node)
        document.merge([
            "mode": .string(settings.mode), "count": .integer(Int64(settings.plan.sources.count)),
            "known": .integer(Int64(settings.knownCount)),
            "worker": status.workerPID.map { .integer(Int64($0)) } ?? .null,
            "runsAs": .text(status.way?.user(unit: "fastx-metrics.socket")),
            "errors": .object(report.errors.mapValues { .string($0) }),
        ]) { $1 }
        if let problem = settings.problem { document["problem"] = .string(problem) }
        return .object(document)
    }
}
