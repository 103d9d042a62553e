// When metrics are called, in which order, by which worker, and what becomes of those that do not answer.
import JSON
import OperatingSystem
import Scripts
import Synchronization
import Testing

/// A host with metrics, and workers that answer as a test wants.
private final class MetricFixture: Sendable {
    struct State {
        var plan: MetricPlan
        /// `start` for the start of a worker, `end` for its end, else a metric's name.
        var log: [String] = []
        var startProblem: String?
    }

    struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    /// What a metric does; nil where it never answers, until its worker is ended.
    typealias Behaviour = @Sendable (String) -> MetricOutcome?

    let state: Mutex<State>
    let events: AsyncStream<String>
    private let event: AsyncStream<String>.Continuation
    private let behaviour: Behaviour

    init(_ names: String..., interval: Duration = .seconds(3_600), behaviour: @escaping Behaviour) {
        var plan = MetricPlan(
            limits: ScriptLimits(node: "/node", time: .seconds(1), memoryMiB: 64), interval: interval)
        plan.sources = names.map { ScriptSource(name: $0, text: Array($0.utf8)) }
        plan.way = .unit(socket: "/socket")
        state = Mutex(State(plan: plan))
        (events, event) = AsyncStream.makeStream()
        self.behaviour = behaviour
    }

    var log: [String] { state.withLock { $0.log } }

    func note(_ word: String) {
        state.withLock { $0.log.append(word) }
        event.yield(word)
    }

    func change(_ change: (inout MetricPlan) -> Void) { state.withLock { change(&$0.plan) } }

    func runner() -> MetricRunner {
        MetricRunner {
            self.state.withLock { $0.plan }
        } start: { _, _ in
            if let problem = self.state.withLock({ $0.startProblem }) {
                self.note("no start")
                throw Refusal(description: problem)
            }
            self.note("start")
            return Worker(fixture: self)
        } changed: {
            self.event.yield("changed")
        }
    }

    /// Runs a runner for the time of a test.
    static func with(
        _ fixture: MetricFixture, _ test: (MetricRunner, inout AsyncStream<String>.Iterator) async throws -> Void
    ) async throws {
        let runner = fixture.runner()
        let task = Task { await runner.run() }
        var events = fixture.events.makeAsyncIterator()
        try await test(runner, &events)
        task.cancel()
        await task.value
        #expect(await runner.status.workerPID == nil)
    }

    private actor Worker: MetricWorker {
        nonisolated let pid: Int32 = 7
        nonisolated let nodeVersion = "v20"
        nonisolated let missingWalls = ["one is gone"]
        private(set) var isUsable = true
        private let fixture: MetricFixture
        private var waiters: [CheckedContinuation<Void, Never>] = []

        init(fixture: MetricFixture) { self.fixture = fixture }

        func value(of metric: ScriptSource) async -> MetricOutcome {
            fixture.note(metric.name)
            if let outcome = fixture.behaviour(metric.name) { return outcome }
            await waitForEnd()
            return .failed("its process was ended")
        }

        func end() {
            guard isUsable else { return }
            isUsable = false
            fixture.note("end")
            for waiter in waiters { waiter.resume() }
            waiters = []
        }

        func waitForEnd() async {
            guard isUsable else { return }
            await withCheckedContinuation { waiters.append($0) }
        }
    }
}

extension AsyncStream<String>.Iterator {
    /// Goes on once something has happened.
    fileprivate mutating func until(_ word: String) async throws {
        while let next = await next() {
            if next == word { return }
        }
        throw CancellationError()
    }
}

@Suite("Runs of metrics", .timeLimit(.minutes(1)))
struct MetricRunnerTests {
    @Test("All are called one after the other in the order of the plan, and the update is made again with their values")
    func order() async throws {
        let fixture = MetricFixture("a", "b", "c") { .value(.string($0), byteCount: 3) }
        try await MetricFixture.with(fixture) { runner, events in
            #expect(await runner.report() == MetricReport())
            runner.updateIsMade()
            for name in ["a", "b", "c"] {
                try await events.until(name)
                try await events.until("changed")
            }
            #expect(await runner.report().values == ["a": "a", "b": "b", "c": "c"])
            #expect(fixture.log == ["start", "a", "b", "c"])
            // The update that is made for that reason is no reason to call them again; another function is.
            runner.updateIsMade()
            fixture.change { $0.sources = [ScriptSource(name: "d", text: [1])] }
            await runner.reconsider()
            try await events.until("d")
            #expect(fixture.log == ["start", "a", "b", "c", "d"])
        }
    }

    @Test("With each interval they are called again, by the same worker")
    func rhythm() async throws {
        let fixture = MetricFixture("a", interval: .milliseconds(1)) { _ in .value(1, byteCount: 1) }
        try await MetricFixture.with(fixture) { runner, events in
            for _ in 0..<3 {
                runner.updateIsMade()
                try await events.until("a")
            }
            #expect(fixture.log.filter { $0 == "start" }.count == 1)
        }
    }

    @Test("While one runs, what is there is told at once; what has nothing more to do here ends at once")
    func slow() async throws {
        let fixture = MetricFixture("fast", "slow", "z") { $0 == "slow" ? nil : .value(1, byteCount: 1) }
        try await MetricFixture.with(fixture) { runner, events in
            runner.updateIsMade()
            try await events.until("slow")
            #expect(await runner.report().values == ["fast": 1])
            fixture.change { $0.sources.remove(at: 1) }
            await runner.reconsider()
            try await events.until("z")
            #expect(await runner.report().values == ["fast": 1, "z": 1])
            #expect(await runner.report().errors.isEmpty)
            #expect(fixture.log == ["start", "fast", "slow", "end", "start", "fast", "z"])
        }
    }

    @Test("A worker that has ended is replaced for the next metric")
    func replaced() async throws {
        let fixture = MetricFixture("a", "b") { _ in .value(1, byteCount: 1) }
        try await MetricFixture.with(fixture) { runner, events in
            runner.updateIsMade()
            try await events.until("b")
            try await events.until("changed")
            fixture.change { $0.limits.memoryMiB = 128 }
            await runner.reconsider()
            try await events.until("b")
            #expect(fixture.log == ["start", "a", "b", "end", "start", "a", "b"])
        }
    }

    @Test("Where no worker can be started each metric says why, and the start is tried once a round")
    func refused() async throws {
        let fixture = MetricFixture("a", "b") { _ in .value(1, byteCount: 1) }
        fixture.state.withLock { $0.startProblem = "there is no Node" }
        try await MetricFixture.with(fixture) { runner, events in
            runner.updateIsMade()
            try await events.until("changed")
            let problem = "it cannot run: there is no Node"
            #expect(await runner.report().errors == ["a": problem, "b": problem])
            #expect(await runner.status.lastStart == WorkerStart(problem: "there is no Node"))
            #expect(fixture.log == ["no start"])
        }
    }

    @Test("There is no worker without metrics, nor where they are off")
    func off() async throws {
        let fixture = MetricFixture("a") { _ in .value(1, byteCount: 1) }
        try await MetricFixture.with(fixture) { runner, events in
            runner.updateIsMade()
            try await events.until("changed")
            let status = await runner.status
            #expect(status.workerPID == 7 && status.way == .unit(socket: "/socket"))
            #expect(status.lastStart == WorkerStart(nodeVersion: "v20", missingWalls: ["one is gone"]))
            fixture.change { $0.way = nil }
            await runner.reconsider()
            try await events.until("changed")
            #expect(await runner.status == MetricRunnerStatus())
            #expect(await runner.report() == MetricReport())
            #expect(fixture.log == ["start", "a", "end"])
        }
    }
}
