// A few threads for reads that take long, so that none blocks the threads that async code runs on.

/// Runs jobs first come, first served on its own threads.
final class ReaderPool: Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isClosed = false
        var threadCount = 0
    }

    private let monitor = Monitor(State())
    private let queuedCountMax: Int

    init(threadCount: Int, queuedCountMax: Int) throws(StoreError) {
        self.queuedCountMax = queuedCountMax
        let monitor = monitor
        for number in 0..<threadCount {
            monitor.withLock { $0.threadCount += 1 }
            do {
                try WorkerThread.start("store-read-\(number)") { Self.run(monitor) }
            } catch {
                monitor.withLock { $0.threadCount -= 1 }
                close()
                throw error
            }
        }
    }

    /// Queues a job. It is not run where this throws.
    func submit(_ job: @escaping @Sendable () -> Void) throws(StoreError) {
        try monitor.withLock { state throws(StoreError) in
            if state.isClosed { throw .closed }
            if state.jobs.count >= queuedCountMax { throw .readQueueFull(countMax: queuedCountMax) }
            state.jobs.append(job)
        }
        monitor.notify()
    }

    /// Runs what is queued and ends the threads; does not wait for that.
    func close() {
        monitor.withLock { $0.isClosed = true }
        monitor.notify()
    }

    /// Blocks until the threads have ended their work.
    func waitUntilDone() {
        monitor.wait { $0.threadCount == 0 ? .done(()) : .wait }
    }

    private static func run(_ monitor: Monitor<State>) {
        while let job = nextJob(monitor) { job() }
        monitor.withLock { $0.threadCount -= 1 }
        monitor.notify()
    }

    private static func nextJob(_ monitor: Monitor<State>) -> (@Sendable () -> Void)? {
        monitor.wait { state in
            if !state.jobs.isEmpty { return .done(state.jobs.removeFirst()) }
            return state.isClosed ? .done(nil) : .wait
        }
    }
}
