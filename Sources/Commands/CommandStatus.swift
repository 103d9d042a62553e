// The exit statuses of commands, and which error ends with which.
package import Control

/// The exit status of a command.
package enum CommandStatus: Int32 {
    case success = 0
    case notFoundOrRefused = 1
    case usageOrConfiguration = 2
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
