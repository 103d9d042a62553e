// Authenticates users by this host's own sshd and starts their stewards with the same connection.
import Glibc
import OperatingSystem

/// Logs users in with name and password, and whatever else their host asks for.
package struct SSHLogin: Sendable {
    /// What all attempts to log in have in common.
    package struct Options: Sendable {
        /// What sshd is asked to run for the user once he has logged in.
        package var program: StewardProgram
        /// Where sshd listens: this very host, whose accounts are meant.
        package var host: String
        /// The port of sshd.
        package var port: UInt16
        /// The file with this host's keys; see `KnownHosts`.
        package var knownHosts: String
        /// Where each attempt has a directory of its own: private, its path short, and not on a file system mounted
        /// noexec.
        package var privateDirectory: String
        /// The absolute path of OpenSSH's client.
        package var ssh = "/usr/bin/ssh"
        /// From the first packet to the steward's connection, people's typing included.
        package var attemptTimeMax: Duration = .seconds(120)
        /// How long the host may take to answer a connection.
        package var connectSecondsMax = 10

        /// The rest has defaults, to be set afterwards.
        package init(
            program: StewardProgram, host: String = "127.0.0.1", port: UInt16 = 22, knownHosts: String,
            privateDirectory: String
        ) {
            self.program = program
            self.host = host
            self.port = port
            self.knownHosts = knownHosts
            self.privateDirectory = privateDirectory
        }
    }

    private let options: Options
    private let server: StewardServer
    private let log: SessionsLog

    /// Attempts may be begun on any thread, several at a time.
    ///
    /// - Parameter server: Where the stewards connect that are started here; it tells when that has happened.
    package init(options: Options, server: StewardServer, log: @escaping SessionsLog = { _, _ in }) {
        self.options = options
        self.server = server
        self.log = log
    }

    /// Begins an attempt, which goes on by itself; its questions and its end are read from what is returned.
    ///
    /// - Parameter firstAnswer: Answers the first question for a password. It is wiped after use.
    package func begin(user: String, firstAnswer: TypedSecret?) -> SSHAttempt {
        let attempt = SSHAttempt(firstAnswer: firstAnswer, log: log)
        attempt.start { [options, server] in await run(user, attempt, options, server) }
        return attempt
    }

    private func run(_ user: String, _ attempt: SSHAttempt, _ options: Options, _ server: StewardServer) async
        -> SSHOutcome
    {
        // A name that no user can have, or a password that no user can type.
        guard UnixUser.isValidName(user), attempt.hasUsableAnswer else { return .failed(.wrongCredentials) }
        let deadline = ContinuousClock.now + options.attemptTimeMax
        do throws(SystemError) {
            let directory = try AskpassDirectory(in: options.privateDirectory, program: options.program.path)
            defer { directory.remove() }
            let listener = try PacketListener.listen(directory.socket, mode: 0o600)
            defer { listener.close() }
            let asking = Task { await attempt.serve(listener) }
            defer { asking.cancel() }
            let plan = SSHCommand.plan(options, user: user, directory)
            guard let run = try await LaunchRun.run(plan, limit: options.attemptTimeMax) else {
                return .failed(attempt.isCancelled ? .cancelled : .timedOut)
            }
            guard run.status == .exited(0) else { return .failed(SSHCommand.failure(run)) }
            return try await connected(user, run, server, deadline)
        } catch {
            return .failed(.stewardFailed("\(error)"))
        }
    }

    private func connected(
        _ name: String, _ run: LaunchRun, _ server: StewardServer, _ deadline: ContinuousClock.Instant
    ) async throws(SystemError) -> SSHOutcome {
        guard let user = try UnixUser.named(name) else { throw .unknownUser(name) }
        let limit = min(StewardProgram.connectTimeMax, ContinuousClock.now.duration(to: deadline))
        guard await server.waitForSteward(user.uid, within: limit) else {
            let error = LaunchError.notConnected(user: name, limit: limit)
            return .failed(.stewardFailed("\(error)"))
        }
        return .succeeded(output: run.output)
    }
}

/// How ssh is called, and what its end means.
enum SSHCommand {
    static func plan(_ options: SSHLogin.Options, user: String, _ directory: AskpassDirectory) -> SpawnPlan {
        let settings = [
            // Only the keys of that file count, and nobody is asked about others.
            "StrictHostKeyChecking=yes", "UserKnownHostsFile=\"\(options.knownHosts)\"",
            "GlobalKnownHostsFile=/dev/null",
            "CheckHostIP=no", "UpdateHostKeys=no", "VerifyHostKeyDNS=no",
            // Only what the user types counts: no key, no agent.
            "PreferredAuthentications=keyboard-interactive,password", "PubkeyAuthentication=no",
            "KbdInteractiveAuthentication=yes", "PasswordAuthentication=yes", "NumberOfPasswordPrompts=1",
            "IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=no",
            // One connection of its own, which carries one command.
            "ForwardAgent=no", "ForwardX11=no", "ClearAllForwardings=yes", "ControlMaster=no", "ControlPath=none",
            "PermitLocalCommand=no", "ProxyCommand=none", "EscapeChar=none", "RequestTTY=no",
            "ConnectTimeout=\(options.connectSecondsMax)", "ConnectionAttempts=1", "ServerAliveInterval=15",
            "LogLevel=ERROR",
        ]
        let words = [options.program.path] + options.program.arguments
        let command = "exec " + words.map(ShellText.word).joined(separator: " ")
        return SpawnPlan(
            program: options.ssh,
            arguments: ["-F", "/dev/null", "-T", "-p", String(options.port)] + settings.flatMap { ["-o", $0] }
                + ["--", "\(user)@\(options.host)", command],
            environment: [
                "PATH": ProgramPath.standard, "LC_ALL": "C", "SSH_ASKPASS": directory.script,
                "SSH_ASKPASS_REQUIRE": "force", AskpassDirectory.socketVariable: directory.socket,
                // Versions before 8.4 call no helper without it.
                "DISPLAY": "none",
            ],
            directory: "/")
    }

    /// ssh tells everything of its own by the status 255 and a line; other statuses are the command's.
    static func failure(_ run: LaunchRun) -> SSHFailure {
        guard run.status == .exited(255) else { return .stewardFailed(run.complaint) }
        let text = run.errors
        let hostKey = ["Host key verification failed", "HOST IDENTIFICATION HAS CHANGED", "host key is known for"]
        if hostKey.contains(where: text.contains) { return .hostKeyMismatch }
        let credentials = ["Permission denied", "Too many authentication failures", "Authentication failed"]
        if credentials.contains(where: text.contains) { return .wrongCredentials }
        return .unreachable(run.complaint)
    }
}
