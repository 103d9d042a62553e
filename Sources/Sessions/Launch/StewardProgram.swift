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
    package var serverID: ServerID

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
    case timedOut(user: String, limit: Duration)
    case badUserName(String)
    case system(SystemError)

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
