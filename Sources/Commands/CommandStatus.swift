// The exit statuses of commands, and which error ends with which.
package import Control

/// The exit status of a command.
package enum CommandStatus: Int32 {
    /// All was done.
    case success = 0
    /// What was asked for is not there, or is refused.
    case notFoundOrRefused = 1
    /// The command line or a file of the configuration is wrong.
    case usageOrConfiguration = 2
    /// No agent answers, or it ended meanwhile.
    case noDaemon = 3
}

extension AgentError {
    /// What a command that ends with it exits with.
    package var status: CommandStatus {
        switch self {
        case .configuration, .usage: .usageOrConfiguration
        case .notFound, .refused, .stale: .notFoundOrRefused
        case .noDaemon, .brokenOff: .noDaemon
        }
    }
}
