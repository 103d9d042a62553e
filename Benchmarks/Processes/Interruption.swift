// Ctrl-C and its like: a benchmark is cancelled, and ends what it has started.
import UnixSignals

enum Interruption {
    /// Runs a body that signals cancel. Returns when it is over, in any case.
    static func cancelling(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await signal in signals { throw BenchmarkError("interrupted (\(signal))") }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
