// The workers: one for each chain that runs, one more that is warm, and none where nobody needs one.
import NIOCore
import NIOPosix
import Placement

/// Why no worker can be had.
package enum NoWorker: Error, Sendable, Equatable, CustomStringConvertible {
    /// None could be started; why, and what to do.
    case cannotStart(String)
    /// So many wait for one already.
    case busy
    /// The agent is stopping.
    case stopping

    /// For an administrator.
    package var description: String {
        switch self {
        case .cannotStart(let why): why
        case .busy: "too many wait for a script already; try again in a moment"
        case .stopping: "the agent is stopping"
        }
    }
}

/// What is known of the workers.
package struct ScriptPoolStatus: Sendable, Equatable {
    /// How many processes there are, with those that are being started.
    package var workerCount = 0
    /// How many of them are being started.
    package var startingCount = 0
    /// The processes that were started and may be used, in order of their numbers.
    package var workerPIDs: [Int32] = []
    /// How many wait for one.
    package var waitingCount = 0
    /// What the last start has told; nil as long as none has ended that was like the next one would be.
    package var lastStart: WorkerStart?
}

/// Starts workers, lends them, and ends those that nobody has needed for a while.
package actor ScriptPool {
    /// Chains that run at once; others wait.
    package static let workerCountMax = 4
    /// Those who are known and may wait for a worker, and as many again who are not.
    package static let queueCountMax = 256
    /// For how long somebody waits for a worker.
    package static let waitTimeMax: Duration = .seconds(10)
    /// For how long a worker is kept that nobody needs.
    package static let idleTime: Duration = .seconds(600)
    /// For how long the agent's own end waits for the ends of workers.
    package static let endTimeMax = WorkerEnd.timeMax

    private let limits: @Sendable () -> ScriptLimits
    private let start: @Sendable (ScriptLimits) async throws(ScriptStartError) -> ScriptProcess
    private let hasStarted: @Sendable (WorkerStart) -> Void
    private let idleTime: Duration
    private let endTimeMax: Duration
    private let group: any EventLoopGroup

    private struct Idle {
        let worker: ScriptWorker
        let limits: ScriptLimits
        /// When it is ended unless it is lent before.
        let until: ContinuousClock.Instant
    }

    private struct Lent {
        let worker: ScriptWorker
        let limits: ScriptLimits
    }

    private struct Starting {
        let task: Task<Void, Never>
        let limits: ScriptLimits
    }

    private struct Waiter {
        let number: UInt64
        let continuation: CheckedContinuation<Result<ScriptWorker, NoWorker>, Never>
    }

    private var idle: [Idle] = []
    /// Ends those that nobody needs; nil where there is none to look after.
    private var sweeping: Task<Void, Never>?
    private var lent: [ObjectIdentifier: Lent] = [:]
    /// Those that are being started, numbered.
    private var starting: [UInt64: Starting] = [:]
    private var lastStarting: UInt64 = 0
    /// All whose processes have not ended, whether anybody may still use them or not.
    private var alive: [ObjectIdentifier: ScriptWorker] = [:]
    /// By which limits a start has ended last, and what it has told.
    private var lastStart: (limits: ScriptLimits, outcome: WorkerStart)?
    /// Those who are known come before those who are not.
    private var waiters: [Waiter] = []
    private var strangers: [Waiter] = []
    private var lastWaiter: UInt64 = 0
    private var isClosed = false
    /// The servers of the last chain: what a worker is told of before it is lent for the first time.
    private var servers: [KeptServer] = []

    /// - Parameters:
    ///   - limits: As they are configured now.
    ///   - start: Starts a process.
    ///   - hasStarted: Called with what came of each start.
    package init(
        idleTime: Duration = ScriptPool.idleTime, endTimeMax: Duration = ScriptPool.endTimeMax,
        limits: @escaping @Sendable () -> ScriptLimits,
        start: @escaping @Sendable (ScriptLimits) async throws(ScriptStartError) -> ScriptProcess,
        hasStarted: @escaping @Sendable (WorkerStart) -> Void = { _ in }
    ) {
        self.hasStarted = hasStarted
        self.idleTime = idleTime
        self.endTimeMax = endTimeMax
        self.limits = limits
        self.start = start
        group = MultiThreadedEventLoopGroup.singleton
    }

    private var workerCount: Int { idle.count + lent.count + starting.count }

    /// What is known of the workers.
    package var status: ScriptPoolStatus {
        let now = limits()
        return ScriptPoolStatus(
            workerCount: workerCount, startingCount: starting.count,
            workerPIDs: (idle.map(\.worker) + lent.values.map(\.worker)).map(\.pid).sorted(),
            waitingCount: waiters.count + strangers.count,
            lastStart: lastStart.flatMap { $0.limits == now ? $0.outcome : nil })
    }

    /// Lends a worker for the time of the closure.
    ///
    /// - Parameter isStranger: Whether it is for somebody who has proved nothing: all others come first.
    package func withWorker<Result: Sendable>(
        isStranger: Bool = false, _ body: @Sendable (ScriptWorker) async -> Result
    ) async throws(NoWorker) -> Result {
        let worker = try await borrow(isStranger)
        keepSpare()
        let result = await body(worker)
        await giveBack(worker)
        if worker.wasTakenAway { throw .stopping }
        return result
    }

    /// Has workers that are started from now on know these servers.
    func remember(_ servers: [KeptServer]) { self.servers = servers }

    /// Starts a worker where there is none by the limits of now, so that the first call need not wait for it, and what is
    /// wrong with the start is known before. Those that nobody uses and that have other limits end.
    package func warmUp() async {
        let now = limits()
        let outdated = idle.filter { $0.limits != now }
        idle.removeAll { $0.limits != now }
        let isThere =
            !idle.isEmpty || starting.values.contains { $0.limits == now } || lent.values.contains { $0.limits == now }
        if !isThere, workerCount < Self.workerCountMax, !isClosed { startOne() }
        for each in outdated { await each.worker.end() }
    }

    /// Ends all, those that are lent and those that are being started as well; nothing is lent any more. Whoever waits for
    /// one, or uses one, is told that the agent is stopping. Returns once no process is left, or after `endTimeMax`.
    package func close() async {
        isClosed = true
        sweeping?.cancel()
        answerAll(.failure(.stopping))
        idle = []
        for worker in alive.values { await worker.takeAway() }
        await WorkerEnd.wait(endTimeMax) { await self.waitForEnds() }
        // Their users may not have given them back yet.
        lent = [:]
    }

    /// Returns once no process is left.
    private func waitForEnds() async {
        while let start = starting.values.first { await start.task.value }
        while let worker = alive.values.first {
            await worker.waitForEnd()
            await forget(worker)
        }
    }

    private func borrow(_ isStranger: Bool) async throws(NoWorker) -> ScriptWorker {
        if isClosed { throw .stopping }
        if let worker = await takeIdle() { return worker }
        if isClosed { throw .stopping }
        guard (isStranger ? strangers : waiters).count < Self.queueCountMax else { throw .busy }
        // Those who wait have a start under way each, as far as there may be so many.
        if starting.count <= waiters.count + strangers.count, workerCount < Self.workerCountMax { startOne() }
        lastWaiter += 1
        let number = lastWaiter
        let patience = Task {
            // Not a wait for something: how long there is to wait at the most. Cancelled once there is a worker.
            guard (try? await Task.sleep(for: Self.waitTimeMax)) != nil else { return }
            giveUpWaiting(number)
        }
        defer { patience.cancel() }
        return try await withCheckedContinuation { continuation in
            let waiter = Waiter(number: number, continuation: continuation)
            if isStranger { strangers.append(waiter) } else { waiters.append(waiter) }
        }.get()
    }

    private func giveUpWaiting(_ number: UInt64) {
        let late = (waiters + strangers).first { $0.number == number }
        waiters.removeAll { $0.number == number }
        strangers.removeAll { $0.number == number }
        late?.continuation.resume(returning: .failure(.busy))
    }

    /// Whoever is next.
    private func takeWaiter() -> Waiter? {
        if !waiters.isEmpty { return waiters.removeFirst() }
        return strangers.isEmpty ? nil : strangers.removeFirst()
    }

    /// Between its leaving the list and its being lent there is no pause, in which others would start one too many.
    private func takeIdle() async -> ScriptWorker? {
        let now = limits()
        while !idle.isEmpty {
            // Of the two that were used last the one that has rested longer; the others are left to be ended.
            let next = idle.remove(at: max(0, idle.count - 2))
            if next.limits == now, next.worker.isUsable {
                lent[ObjectIdentifier(next.worker)] = Lent(worker: next.worker, limits: now)
                return next.worker
            }
            await next.worker.end()
        }
        return nil
    }

    /// One that is warm for the next call, as long as there may be so many.
    private func keepSpare() {
        if !isClosed, idle.isEmpty, starting.isEmpty, workerCount < Self.workerCountMax { startOne() }
    }

    private func startOne() {
        let limits = limits()
        lastStarting += 1
        let number = lastStarting
        let task = Task {
            let (outcome, result) = await make(limits)
            starting[number] = nil
            // One that was begun before a change of the limits may end after one that was begun since.
            if !isClosed, limits == self.limits() {
                lastStart = (limits, outcome)
                hasStarted(outcome)
            }
            started(result, limits)
        }
        starting[number] = Starting(task: task, limits: limits)
    }

    private func make(_ limits: ScriptLimits) async -> (WorkerStart, Result<ScriptWorker, NoWorker>) {
        let process: ScriptProcess
        do {
            process = try await start(limits)
        } catch {
            return (WorkerStart(problem: "\(error)"), .failure(.cannotStart("\(error)")))
        }
        var outcome = WorkerStart(nodeVersion: process.nodeVersion, missingWalls: process.missingWalls)
        do {
            let worker = try await ScriptWorker(process, limits, on: group)
            follow(worker)
            await worker.bringUpToDate(servers)
            try await worker.becomeReady()
            return (outcome, .success(worker))
        } catch {
            outcome.fail("\(error)")
            return (outcome, .failure(.cannotStart("\(error)")))
        }
    }

    private func follow(_ worker: ScriptWorker) {
        alive[ObjectIdentifier(worker)] = worker
        Task {
            await worker.waitForEnd()
            await forget(worker)
        }
    }

    private func started(_ result: Result<ScriptWorker, NoWorker>, _ limits: ScriptLimits) {
        switch result {
        case .success(let worker):
            offer(worker, limits)
        case .failure:
            if isClosed { return answerAll(.failure(.stopping)) }
            // Whoever waits would wait for the same.
            if lent.isEmpty, starting.isEmpty { answerAll(result) }
        }
    }

    private func giveBack(_ worker: ScriptWorker) async {
        // It counts as lent until it is idle, or others would start one too many meanwhile.
        await worker.rest()
        guard let limits = lent.removeValue(forKey: ObjectIdentifier(worker))?.limits else { return }
        if worker.isUsable {
            offer(worker, limits)
        } else {
            await worker.end()
            // In its place at once, so that nobody waits for the start of one.
            if !isClosed, workerCount < Self.workerCountMax, idle.isEmpty { startOne() }
        }
    }

    private func offer(_ worker: ScriptWorker, _ limits: ScriptLimits) {
        if isClosed || limits != self.limits() {
            Task { await worker.end() }
            if !isClosed, !waiters.isEmpty || !strangers.isEmpty { startOne() }
            return
        }
        if let waiter = takeWaiter() {
            lent[ObjectIdentifier(worker)] = Lent(worker: worker, limits: limits)
            waiter.continuation.resume(returning: .success(worker))
            return
        }
        idle.append(Idle(worker: worker, limits: limits, until: .now + idleTime))
        if sweeping == nil { sweeping = Task { await sweep() } }
    }

    /// Ends those that nobody has needed for so long. One task for all of them: a sleep that is cancelled takes up memory
    /// until it would have ended, which is long after a worker was lent again.
    private func sweep() async {
        while !isClosed, let next = idle.map(\.until).min() {
            // Not a wait for something: the time after which they are not needed. Cancelled when all are ended.
            guard (try? await Task.sleep(until: next)) != nil else { break }
            let now = ContinuousClock.now
            let late = idle.filter { $0.until <= now }
            idle.removeAll { $0.until <= now }
            for each in late { await each.worker.end() }
        }
        sweeping = nil
    }

    /// Its process has ended by itself, or was ended by somebody else.
    private func forget(_ worker: ScriptWorker) async {
        alive[ObjectIdentifier(worker)] = nil
        if let index = idle.firstIndex(where: { $0.worker === worker }) {
            idle.remove(at: index)
            await worker.end()
        }
    }

    private func answerAll(_ result: Result<ScriptWorker, NoWorker>) {
        for waiter in waiters + strangers { waiter.continuation.resume(returning: result) }
        waiters = []
        strangers = []
    }
}
