// The requests that wait for the writer thread, first come, first served.

/// A bounded queue. A caller that finds it full is suspended until there is room, and then stands behind all who came
/// before.
final class WriteQueue: Sendable {
    private struct State {
        var queued: [WriteRequest] = []
        var queuedByteCount = 0
        /// Requests of callers that found the queue full.
        var waiting: [WriteRequest] = []
        var isClosed = false
        /// The writer wants no word of a request before so many are queued.
        var wantedCount = 1
        /// Until when the writer waits for the callers that it answered last, in nanoseconds of the monotonic clock.
        var lingerUntil: UInt64 = 0
        var lastCount = 0

        mutating func admitWaiting(_ options: StoreOptions) {
            var count = 0
            while count < waiting.count, hasRoom(for: waiting[count], options) {
                admit(waiting[count])
                count += 1
            }
            waiting.removeFirst(count)
        }

        func hasRoom(for request: WriteRequest, _ options: StoreOptions) -> Bool {
            queued.isEmpty
                || (queued.count < options.queuedWriteCountMax
                    && queuedByteCount + request.byteCount <= options.queuedByteCountMax)
        }

        mutating func admit(_ request: WriteRequest) {
            queued.append(request)
            queuedByteCount += request.byteCount
        }

        /// The requests of the next transaction.
        mutating func takeGroup(_ options: StoreOptions) -> [WriteRequest] {
            var byteCount = 0
            var count = 0
            while count < queued.count {
                byteCount += queued[count].byteCount
                if count > 0, byteCount > options.transactionByteCountMax { break }
                count += 1
            }
            let group = Array(queued.prefix(count))
            queued.removeFirst(count)
            queuedByteCount -= group.reduce(0) { $0 + $1.byteCount }
            admitWaiting(options)
            wantedCount = 1
            lastCount = count
            return group
        }
    }

    /// How long the writer waits for the callers that it answered last, at most.
    private static let lingerNanoseconds: UInt64 = 200_000

    private let monitor = Monitor(State())
    private let options: StoreOptions
    private let relaxedNanoseconds: UInt64

    init(_ options: StoreOptions) {
        self.options = options
        let (seconds, attoseconds) = options.relaxedDelay.components
        relaxedNanoseconds = UInt64(max(seconds, 0)) * 1_000_000_000 + UInt64(max(attoseconds, 0) / 1_000_000_000)
    }

    struct Depth {
        let queuedCount: Int
        let queuedByteCount: Int
        let waitingCount: Int
    }

    var depth: Depth {
        monitor.withLock { state in
            Depth(
                queuedCount: state.queued.count, queuedByteCount: state.queuedByteCount,
                waitingCount: state.waiting.count)
        }
    }

    /// Puts a request in the queue, or fails it where the store is closed.
    func add(_ request: WriteRequest) {
        let (isAccepted, mustNotify) = monitor.withLock { state in
            if state.isClosed { return (false, false) }
            if state.waiting.isEmpty, state.hasRoom(for: request, options) {
                state.admit(request)
            } else {
                state.waiting.append(request)
            }
            return (true, state.queued.count >= state.wantedCount || !state.waiting.isEmpty)
        }
        if !isAccepted { request.fail(.closed) }
        if mustNotify { monitor.notify() }
    }

    /// Takes no more requests; those that have come are still carried out.
    func close() {
        monitor.withLock { $0.isClosed = true }
        monitor.notify()
    }

    /// Blocks until there is something to do, and returns the requests of one transaction; nil at the end, and none
    /// where nothing came within a number of nanoseconds.
    ///
    /// Callers that were answered together tend to come back together. Going with the first of them would make every
    /// second group a group of one, so the writer lingers for as many as before, a fraction of a commit's time.
    func nextGroup(within limit: UInt64? = nil) -> [WriteRequest]? {
        let start = monotonicNanoseconds()
        monitor.withLock { state in
            let isCompany = state.lastCount > 1
            state.lingerUntil = isCompany ? start + Self.lingerNanoseconds : 0
            state.wantedCount = isCompany ? state.lastCount : 1
        }
        return monitor.wait { state in
            if state.lingerUntil > 0 {
                let isWorthIt = state.queued.count < state.lastCount && state.waiting.isEmpty && !state.isClosed
                if isWorthIt, monotonicNanoseconds() < state.lingerUntil { return .waitUntil(state.lingerUntil) }
                state.lingerUntil = 0
                state.wantedCount = 1
            }
            guard let first = state.queued.first else {
                if state.isClosed { return .done(nil) }
                guard let limit else { return .wait }
                return monotonicNanoseconds() >= start + limit ? .done([]) : .waitUntil(start + limit)
            }
            if mustGo(state) { return .done(state.takeGroup(options)) }
            let deadline = first.queuedAt + relaxedNanoseconds
            return monotonicNanoseconds() >= deadline ? .done(state.takeGroup(options)) : .waitUntil(deadline)
        }
    }

    /// Whether somebody cannot wait for company.
    private func mustGo(_ state: State) -> Bool {
        state.isClosed || !state.waiting.isEmpty || state.queuedByteCount >= options.transactionByteCountMax
            || state.queued.contains { $0.urgency == .immediate }
    }
}
