// Where the sockets for this host's users are, outside the agent's private directory.
import Control
import Glibc
import MemberConfiguration
import OperatingSystem
import Trust

/// Paths below the runtime directory.
struct RuntimeDirectory: Sendable {
    let path: String

    /// The configured one; else the service manager's; else one of this member's own below `/tmp`.
    init(_ settings: SettingsConfiguration, _ directory: VarDirectory) {
        if !settings.runtimeDirectory.isEmpty {
            path = settings.runtimeDirectory
        } else if let given = unsafe getenv("RUNTIME_DIRECTORY").map({ unsafe String(cString: $0) }),
            let first = given.split(separator: ":").first
        {
            path = String(first)
        } else {
            // The same at each start, and another one for each var directory, whose path may be long.
            let name = HexText.encode(Array(Sodium.sha256(Array(directory.path.utf8)).prefix(8)))
            path = "/tmp/.fastx-agent-\(name)"
        }
    }

    /// Where stewards connect.
    var stewardSocket: String { "\(path)/link.sock" }
    /// Where this host's users ask for things without logging in: the kernel says who they are.
    var userSocket: String { "\(path)/user.sock" }
    /// For the agent alone.
    var privateDirectory: String { "\(path)/private" }

    /// Makes the directory for the agent alone, and checks one that is there.
    func makePrivateDirectory() throws {
        if unsafe mkdir(privateDirectory, 0o700) == 0 { return }
        guard errno == EEXIST else {
            throw AgentError.configuration([
                "\(privateDirectory): cannot be made: \(unsafe String(cString: strerror(errno))); see \"runtimeDirectory\" in "
                    + "config/settings.json"
            ])
        }
        if let problem = FileModes.checkPrivate(path: privateDirectory) {
            throw AgentError.configuration([problem.description])
        }
    }
}
