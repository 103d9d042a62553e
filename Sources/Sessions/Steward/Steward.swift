// A user's steward: its state, its tasks, and when it ends.
import Glibc
import OperatingSystem

/// Serves one user to the agent of one server id.
actor Steward {
    let arguments: StewardCommand.Arguments
    let user: UnixUser
    let directories: UserDirectories
    /// The environment that supervisors are started with.
    let environment: [String: String]
    let inherited: InheritedLimits
    let log: SessionsLog
    let records: RecordWatch
    /// Tells whoever started this process how its first connection went.
    let status: StartStatus
    /// Called when the end is decided, before the process ends.
    private let willLeave: @Sendable () -> Void

    var sessions: [String: KeptSession] = [:]
    var settings = StewardSettings()
    var loginCount = 0
    var isConnected = false
    /// Asked to end with all sessions.
    var isEnding = false
    var outbox = StewardOutbox()
    var requestCount = 0
    nonisolated let bell = Bell()
    /// Those who wait for a session to leave `starting`.
    var startWaiters: [String: [CheckedContinuation<Void, Never>]] = [:]
    var screenshotCount = 0
    private var lifetime = StewardLifetime(now: .now)
    private var lifetimeTimer: Task<Void, Never>?
    private nonisolated let leaving = Bell()
    /// Whether a packet is under way to the agent.
    var isSending = false
    /// Rings when everything was sent.
    nonisolated let drained = Bell()

    /// How often memory and processor use are measured.
    static let sampleInterval: Duration = .seconds(10)
    /// Ended sessions that are kept; older ones are purged.
    static let endedCountMax = 100
    /// How long the last packets may take before the process ends.
    private static let flushTimeMax: Duration = .seconds(3)

    init(
        arguments: StewardCommand.Arguments, user: UnixUser, directories: UserDirectories,
        environment: [String: String],
        inherited: InheritedLimits, status: StartStatus, willLeave: @escaping @Sendable () -> Void,
        log: @escaping SessionsLog
    ) throws(SystemError) {
        self.arguments = arguments
        self.user = user
        self.directories = directories
        self.environment = environment
        self.inherited = inherited
        self.status = status
        self.willLeave = willLeave
        self.log = log
        records = try RecordWatch()
    }

    /// Returns when the steward is not needed any more.
    func run() async {
        await adoptAll()
        reconsider()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.stayConnected() }
            group.addTask { await self.followRecords() }
            group.addTask { await self.measureForever() }
            _ = await leaving.wait()
            // The agent is to know how the last sessions ended.
            _ = await TimeLimit.run(Self.flushTimeMax) { await self.flush() }
            group.cancelAll()
        }
        lifetimeTimer?.cancel()
    }

    private func flush() async {
        while isConnected, isSending || !outbox.isEmpty {
            guard await drained.wait() else { return }
        }
    }

    func leave(_ reason: String) {
        log(.info, "steward \(getpid()) ends: \(reason)")
        willLeave()
        leaving.ring()
    }

    var livingCount: Int { sessions.values.count { $0.supervisor != nil } }

    /// Thinks about the end again, after something changed that counts for it.
    func reconsider() {
        lifetime.update(isConnected: isConnected, loginCount: loginCount, livingCount: livingCount, now: .now)
        lifetimeTimer?.cancel()
        if isEnding, livingCount == 0 { return leave("the agent asked for it and all sessions have ended") }
        guard let deadline = lifetime.deadline else { return }
        lifetimeTimer = Task {
            // Thrown when something has changed.
            guard (try? await Task.sleep(until: deadline, clock: .continuous)) != nil else { return }
            leave(isConnected ? "no login and no session" : "the agent is away and there is no session")
        }
    }

    /// Reports a session at the next opportunity.
    func changed(_ id: String) {
        outbox.change(id)
        bell.ring()
    }

    private func followRecords() async {
        while !Task.isCancelled {
            do throws(SystemError) {
                for id in try await records.next() { reload(id) }
            } catch {
                // Ends of sessions are noticed without it; a start would be late.
                return log(.error, "records of sessions cannot be watched: \(error)")
            }
        }
    }

    private func measureForever() async {
        // Thrown when the steward ends.
        while (try? await Task.sleep(for: Self.sampleInterval)) != nil { measure() }
    }
}
