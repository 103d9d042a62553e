// How long the agent's own end waits for the processes of its workers.
import OperatingSystem

/// The end of workers when the agent stops.
enum WorkerEnd {
    /// Processes are killed before, so that it is a matter of milliseconds. One whose guard is stuck ends with this program.
    static let timeMax: Duration = .seconds(3)

    /// Returns when the work has, or when the time is over, also in a task that is cancelled.
    static func wait(_ limit: Duration = timeMax, _ work: @escaping @Sendable () async -> Void) async {
        let (ended, end) = AsyncStream<Void>.makeStream()
        Task {
            await work()
            end.finish()
        }
        await Task { _ = await TimeLimit.run(limit) { for await _ in ended {} } }.value
    }
}
