// What can go wrong in the agent as a whole.

/// Every error that a command or the daemon ends with, besides those of the configuration's own files.
package enum AgentError: Error, CustomStringConvertible {
    /// One line for each mistake.
    case configuration([String])
    /// The command line is wrong, or a file that it names.
    case usage(String)
    /// There is no such thing as was asked for.
    case notFound(String)
    /// What was asked for may not be, or not now.
    case refused(String)
    /// Somebody else has changed what was to be changed.
    case stale(String)
    /// No agent answers.
    case noDaemon(String)
    /// The agent ended while it was asked.
    case brokenOff(String)

    /// The text for people; only mistakes of the configuration have more than one line.
    package var description: String {
        switch self {
        case .configuration(let lines): lines.joined(separator: "\n")
        case .usage(let detail), .notFound(let detail), .refused(let detail), .stale(let detail), .noDaemon(let detail),
            .brokenOff(let detail):
            detail
        }
    }
}
