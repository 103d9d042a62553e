// fastx-agent run: the daemon in the foreground.
import ArgumentParser
import Commands
import Control
import OperatingSystem
import Store

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the agent in the foreground.",
        discussion: """
            Logs go to standard error. SIGTERM ends it cleanly, SIGHUP reads the configuration again; changes of the
            configuration files are also noticed by themselves.
            """)

    @OptionGroup var location: VarDirectoryOption

    func run() async throws {
        do {
            try await Daemon(directory: location.directory).run()
        } catch let error as StoreError {
            throw AgentError.refused("\(error)")
        } catch let error as SystemError where error.isMistakeOfFiles {
            throw AgentError.configuration(["\(error)"])
        }
    }
}

extension SystemError {
    /// Whether somebody has to change a file or its rights before the agent can start.
    fileprivate var isMistakeOfFiles: Bool {
        switch self {
        case .unreadable, .notPrivate, .wrongOwner, .wrongMode, .alreadyExists, .notADirectory, .socketPathTooLong,
            .notifyAddress:
            true
        default: false
        }
    }
}
