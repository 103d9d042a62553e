// The ways to start a user's steward, with this member's paths.
import Glibc
import MemberConfiguration
package import Replica
package import Sessions

/// Makes launchers.
package struct StewardLaunchers: Sendable {
    let serverID: ServerID
    let stewards: StewardServer
    /// The agent's socket for stewards.
    let socket: String
    /// This program.
    let program: String
    /// Private to the agent, short, and not mounted noexec.
    let privateDirectory: String

    static let sshHost = "127.0.0.1"
    /// How long an attempt to log in may take, with everything that the host asks.
    let sshTimeMax: Duration = .seconds(120)

    package init(
        serverID: ServerID, stewards: StewardServer, socket: String, program: String, privateDirectory: String
    ) {
        self.serverID = serverID
        self.stewards = stewards
        self.socket = socket
        self.program = program
        self.privateDirectory = privateDirectory
    }

    private var stewardProgram: StewardProgram {
        StewardProgram(path: program, socket: socket, agentUID: geteuid(), serverID: serverID)
    }

    /// For the agent's own user, whose processes it can start by itself.
    func own() -> SelfLaunch { SelfLaunch(program: stewardProgram, server: stewards) }
    /// For any user, where sudo lets the agent start processes as him.
    func sudo() -> SudoLaunch { SudoLaunch(program: stewardProgram, server: stewards) }

    /// Where no file of known hosts is configured, one is made from this host's own public keys.
    func ssh(_ configuration: LoginConfiguration) throws -> SSHLogin {
        var knownHosts = configuration.sshKnownHosts
        if knownHosts.isEmpty {
            knownHosts = "\(privateDirectory)/known_hosts"
            try KnownHosts.write(to: knownHosts, host: Self.sshHost, port: UInt16(clamping: configuration.sshPort))
        }
        var options = SSHLogin.Options(
            program: stewardProgram, host: Self.sshHost, port: UInt16(clamping: configuration.sshPort),
            knownHosts: knownHosts, privateDirectory: privateDirectory)
        options.attemptTimeMax = sshTimeMax
        return SSHLogin(options: options, server: stewards)
    }
}
