// What can go wrong in the agent as a whole, and the exit status that a command ends with.

/// The exit status of a command.
enum CommandStatus: Int32 {
    case success = 0
    case notFoundOrRefused = 1
    case usageOrConfiguration = 2
    case noDaemon = 3
}

/// Every error that a command or the daemon ends with.
enum AgentError: Error, CustomStringConvertible {
    /// The var directory lacks what `init` makes.
    case notInitialised(String)
    case configuration([String])
    case usage(String)
    case notFound(String)
    case refused(String)
    /// Somebody else has changed what was to be changed.
    case stale(String)
    case noDaemon(String)
    /// The agent ended while it was asked.
    case brokenOff(String)

    var description: String {
        switch self {
        case .notInitialised(let detail): "\(detail); make the directory with \"fastx-agent init\""
        case .configuration(let lines): lines.joined(separator: "\n")
        case .usage(let detail), .notFound(let detail), .refused(let detail), .stale(let detail), .noDaemon(let detail),
            .brokenOff(let detail):
            detail
        }
    }

    var status: CommandStatus {
        switch self {
        case .notInitialised, .configuration, .usage: .usageOrConfiguration
        case .notFound, .refused, .stale: .notFoundOrRefused
        case .noDaemon, .brokenOff: .noDaemon
        }
    }
}
