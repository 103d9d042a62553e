// Lets readers into the environment, and holds them off while the writer closes and opens it.

/// Counts the readers that are inside, so that the environment is closed only when there are none.
final class Gate: Sendable {
    private enum Phase {
        case open(Environment)
        /// No new reader comes in: the environment is being opened again, or could not be.
        case refusing(StoreError)
    }

    private struct State {
        var phase: Phase
        var readerCount = 0
    }

    private let monitor: Monitor<State>

    init(_ environment: Environment) {
        monitor = Monitor(State(phase: .open(environment)))
    }

    /// Runs the closure with the environment, which stays open meanwhile.
    func withEnvironment<Result>(
        _ body: (Environment) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let environment = try monitor.withLock { state throws(StoreError) in
            switch state.phase {
            case .open(let environment):
                state.readerCount += 1
                return environment
            case .refusing(let error):
                throw error
            }
        }
        defer { leave() }
        return try body(environment)
    }

    /// Runs the closure with a snapshot of the committed state.
    func read<Result>(
        _ body: (consuming ReadTransaction) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try withEnvironment { environment throws(StoreError) in
            try Self.read(environment, body)
        }
    }

    /// The transaction ends within this function, before the reader is counted out.
    private static func read<Result>(
        _ environment: Environment, _ body: (consuming ReadTransaction) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let transaction: ReadTransaction
        do {
            transaction = try environment.beginRead()
        } catch {
            // The writer has met a failure and is about to open the environment again.
            throw error.requiresReopening ? .reopening : error
        }
        return try body(transaction)
    }

    private func leave() {
        let mustNotify = monitor.withLock { state in
            state.readerCount -= 1
            if case .refusing = state.phase { return state.readerCount == 0 }
            return false
        }
        if mustNotify { monitor.notify() }
    }

    /// The open environment, for the writer; nil while there is none.
    var environment: Environment? {
        monitor.withLock { state in
            if case .open(let environment) = state.phase { return environment }
            return nil
        }
    }

    var readerCount: Int { monitor.withLock { $0.readerCount } }

    /// Refuses new readers with an error, waits until those inside have left, and closes the environment.
    func drain(refusing error: StoreError) {
        let environment = monitor.withLock { state -> Environment? in
            defer { state.phase = .refusing(error) }
            if case .open(let environment) = state.phase { return environment }
            return nil
        }
        monitor.wait { $0.readerCount == 0 ? .done(()) : .wait }
        environment?.close()
    }

    /// Lets readers in again.
    func open(_ environment: Environment) {
        monitor.withLock { $0.phase = .open(environment) }
    }

    /// Tells readers why the environment is not open.
    func refuse(_ error: StoreError) {
        monitor.withLock { $0.phase = .refusing(error) }
    }
}
