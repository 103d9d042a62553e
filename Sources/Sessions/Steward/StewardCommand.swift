// `fastx-agent link`: the entry of a user's steward, in the foreground or detached.
package import Glibc
import OperatingSystem
package import Replica

/// The steward's program.
package enum StewardCommand {
    /// What the command line says; the launchers make it of `StewardProgram`.
    package struct Arguments: Sendable, Hashable {
        /// Where the agent listens.
        package var socket: String
        /// The user as whom the agent has to run.
        package var agentUID: uid_t
        /// The member that the sessions belong to: their directories are kept by it.
        package var serverID: ServerID
        /// Whether to return once the process that goes on in the background has connected.
        package var isDetached: Bool

        /// Of options that were read already.
        package init(socket: String, agentUID: uid_t, serverID: ServerID, isDetached: Bool) {
            self.socket = socket
            self.agentUID = agentUID
            self.serverID = serverID
            self.isDetached = isDetached
        }

        /// For the process that goes on.
        var words: [String] {
            ["link", "--socket", socket, "--agent-uid", String(agentUID), "--server-id", serverID.text]
        }
    }

    /// What stewards and supervisors are listed as.
    static let programName = "fastx-agent"
    /// What stewards call themselves.
    static let software = "fastx-agent link"
    /// How long a detached one may take until it tells how its start went.
    private static let startTimeMax: Duration = .seconds(25)
    /// How long a steward of another agent may take to leave.
    private static let takeOverTimeMax: Duration = .seconds(5)
    /// A log that has grown longer is begun again at the next start.
    private static let logBytesMax: off_t = 1 << 20

    /// Runs a steward until it is not needed any more, or starts a detached one. Returns the process's exit status.
    package static func run(_ arguments: Arguments) async -> Int32 {
        // A reader that has gone is an error of `write`, not the end of this process.
        signal(SIGPIPE, SIG_IGN)
        let environment = ProcessEnvironment.current()
        let inherited = InheritedLimits(environment)
        let status = StartStatus(environment)
        do throws(SystemError) {
            let user = try UnixUser.current()
            let directories = try UserDirectories(user: user, serverID: arguments.serverID, environment: environment)
            let base = SessionEnvironment.base(user: user, from: environment)
            if arguments.isDetached {
                return try await detach(arguments, user, directories, base.merging(inherited.variables) { $1 })
            }
            guard let lock = try await takeLock(directories, arguments) else {
                status.tellRunning()
                StandardError.line(.info, "a steward of this user is running already")
                return 0
            }
            let process = try Steward(
                arguments: arguments, user: user, directories: directories, environment: base, inherited: inherited,
                status: status, willLeave: { try? lock.describe("\(getpid())\n\(leavingWord)\n") },
                log: StandardError.line)
            await process.run()
            withExtendedLifetime(lock) {}
            return 0
        } catch {
            if !status.tellOnce(problem: "\(error)") { StandardError.line(.error, "\(error)") }
            return 1
        }
    }

    /// In the lock file of a steward that is about to end.
    private static let leavingWord = "leaving"

    /// The lock of the one steward of a user and a server id; `nil` when another one has it.
    ///
    /// One that is about to end is waited for. One that serves another agent, as after a change of its configuration,
    /// is asked to end: its sessions stay.
    private static func takeLock(
        _ directories: UserDirectories, _ arguments: Arguments
    ) async throws(SystemError) -> FileLock? {
        let description = "\(getpid())\n\(arguments.agentUID)\n\(arguments.socket)\n"
        if let lock = try FileLock.take(directories.lockFile) {
            try lock.describe(description)
            return lock
        }
        let lines = try FileLock.text(of: directories.lockFile).split(separator: "\n").dropFirst()
        let text = lines.joined(separator: "\n")
        guard !text.isEmpty, text != "\(arguments.agentUID)\n\(arguments.socket)",
            let holder = try FileLock.holder(of: directories.lockFile)
        else { return nil }
        if text != leavingWord { _ = try Kernel.sendSignal(SIGTERM, to: holder.process) }
        _ = await TimeLimit.run(takeOverTimeMax) { await Readiness.untilReadable(holder.process) }
        let lock = try FileLock.take(directories.lockFile)
        try lock?.describe(description)
        return lock
    }

    /// Starts the process that goes on, in a scope of its own where there is such a thing, and waits for its word.
    private static func detach(
        _ arguments: Arguments, _ user: UnixUser, _ directories: UserDirectories, _ environment: [String: String]
    ) async throws(SystemError) -> Int32 {
        var plan = SpawnPlan(program: "/proc/self/exe", arguments: arguments.words, environment: environment)
        plan.directory = "/"
        plan.isDetached = true
        plan.shownName = programName
        plan.environment[StartStatus.variable] = "3"
        if let scope = Systemd.scopeCommand(user: user, environment: environment) {
            var scoped = plan
            scoped.program = scope.program
            scoped.shownName = nil
            scoped.arguments = scope.arguments + [try ProgramPath.own()] + arguments.words
            if try await start(scoped, directories) == nil { return 0 }
            // Should it have started after all, the next one finds it running.
        }
        guard let problem = try await start(plan, directories) else { return 0 }
        StandardError.line(.error, "\(problem); see \(directories.logFile)")
        return 1
    }

    /// `nil` for success.
    private static func start(_ plan: SpawnPlan, _ directories: UserDirectories) async throws(SystemError) -> String? {
        let log = try OwnedDescriptor.open(directories.logFile, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW)
        if lseek(log.raw, 0, SEEK_END) > logBytesMax { _ = ftruncate(log.raw, 0) }
        let reading = try spawn(plan, log)
        let told = await TimeLimit.run(startTimeMax) { () async -> Result<[UInt8], SystemError> in
            do throws(SystemError) { return .success(try await reading.drain()) } catch { return .failure(error) }
        }
        guard let told else { return "it did not connect within \(startTimeMax)" }
        return StartStatus.problem(in: try told.get())
    }

    /// The reading end of the new process's status pipe. The writing end is closed here, so that its end is seen.
    private static func spawn(_ plan: SpawnPlan, _ log: OwnedDescriptor) throws(SystemError) -> OwnedDescriptor {
        let pipe = try Kernel.makePipe()
        var plan = plan
        plan.descriptors = [nil, log, log, pipe.writing]
        // Nobody waits for it: when this process ends it belongs to the host's first process.
        _ = try Spawn.start(plan)
        return pipe.reading
    }
}

/// The log of a steward: standard error, which is its log file once it is detached.
enum StandardError {
    /// One line with the time.
    static let line: SessionsLog = { level, text in
        var now = time(nil)
        var parts = unsafe tm()
        _ = unsafe gmtime_r(&now, &parts)
        var buffer = [CChar](repeating: 0, count: 32)
        let count = unsafe strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        let stamp = String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
        let shown = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        // There is nowhere to tell that the log cannot be written.
        try? OwnedDescriptor(adopting: dup(2)).write("\(stamp) \(level.rawValue) \(shown)\n".utf8, subject: "the log")
    }
}
