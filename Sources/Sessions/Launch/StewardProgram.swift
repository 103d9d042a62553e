// How a user's steward is called, and what can go wrong when one is started.
package import Glibc
package import OperatingSystem
package import Replica

/// The program and the arguments of every steward of this host.
package struct StewardProgram: Sendable, Hashable {
    /// The absolute path of `fastx-agent`, readable and executable by every user.
    package var path: String
    /// Where the agent listens for stewards.
    package var socket: String
    /// The user as whom the agent runs: a steward talks to nobody else.
    package var agentUID: uid_t
    /// The member that its sessions belong to. A user has one steward for each server id.
    package var serverID: ServerID

    /// Nothing is looked at: a path that is wrong shows when a steward is started.
    package init(path: String, socket: String, agentUID: uid_t, serverID: ServerID) {
        self.path = path
        self.socket = socket
        self.agentUID = agentUID
        self.serverID = serverID
    }

    /// Without the program itself. `--detach` returns once the steward has connected.
    var arguments: [String] {
        ["link", "--socket", socket, "--agent-uid", String(agentUID), "--server-id", serverID.text, "--detach"]
    }

    /// How long a new steward may take until it is connected.
    package static let connectTimeMax: Duration = .seconds(20)
}

/// Why a user's steward was not started.
package enum LaunchError: Error, Hashable, Sendable, CustomStringConvertible {
    /// sudo does not let the agent run the program as that user.
    case sudoRefused(user: String, line: String, text: String)
    /// The program ended with an error; the text is its own.
    case stewardFailed(String)
    /// It was started, but did not connect.
    case notConnected(user: String, limit: Duration)
    /// The program did not end within the limit, or the task was cancelled; it was killed.
    case timedOut(user: String, limit: Duration)
    /// A text that cannot be the name of an account; nothing was started.
    case badUserName(String)
    /// The operating system refused something; the account may also be missing.
    case system(SystemError)

    /// What went wrong and, where the administrator can mend it, how, in one line.
    package var description: String {
        switch self {
        case .sudoRefused(let user, let line, let text):
            "sudo does not let the agent start programs as \(user): \(text); add this line to the sudoers (visudo): \(line)"
        case .stewardFailed(let text):
            "the user's steward did not start: \(text)"
        case .notConnected(let user, let limit):
            "the steward of \(user) was started and did not connect within \(limit); "
                + "look into its link.log below ~/.local/state/fastx"
        case .timedOut(let user, let limit):
            "starting the steward of \(user) took longer than \(limit)"
        case .badUserName(let name):
            "'\(name.prefix(40))' cannot be a user's name"
        case .system(let error):
            "\(error)"
        }
    }
}
