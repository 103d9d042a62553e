// Starts another user's steward by sudo.
import Glibc
import OperatingSystem

/// For an agent that may become its users, and has authenticated them by other means.
package struct SudoLaunch: Sendable {
    private let program: StewardProgram
    private let server: StewardServer
    /// The absolute path of sudo.
    private let sudo: String

    /// - Parameters:
    ///   - server: Where the stewards connect that are started here.
    ///   - sudo: The absolute path of sudo.
    package init(program: StewardProgram, server: StewardServer, sudo: String = "/usr/bin/sudo") {
        self.program = program
        self.server = server
        self.sudo = sudo
    }

    /// Returns once the user's steward is connected.
    package func start(user name: String) async throws(LaunchError) {
        guard UnixUser.isValidName(name) else { throw .badUserName(name) }
        let user: UnixUser
        do throws(SystemError) {
            guard let found = try UnixUser.named(name) else { throw .unknownUser(name) }
            user = found
        } catch {
            throw .system(error)
        }
        let plan = SpawnPlan(
            program: sudo, arguments: ["-n", "-u", name, "--", program.path] + program.arguments,
            environment: ["PATH": ProgramPath.standard, "LC_ALL": "C"], directory: "/")
        let line = sudoersLine()
        try await program.launch(plan, user: name, uid: user.uid, server: server) { run in
            run.errors.hasPrefix("sudo:") ? .sudoRefused(user: name, line: line, text: run.complaint) : nil
        }
    }

    /// What lets the agent start stewards of the people in one group, in which neither root nor system accounts belong.
    package func sudoersLine() -> String {
        let own = (try? UnixUser.current().name) ?? "#\(geteuid())"
        return
            "\(own) ALL=(%fastx-users) NOPASSWD: \(program.path) link --socket \(program.socket) --agent-uid * --server-id *"
    }
}
