// The command line: the root command, and how commands end.
import ArgumentParser
import Commands
import Control
import Glibc
import MemberConfiguration

/// The program.
@main
struct FastxAgent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fastx-agent",
        abstract: "A member of a cluster of hosts that share one replicated map.",
        discussion: """
            Exit status: 0 success; 1 not found or refused; 2 usage or configuration; 3 no agent is running.
            The var directory is --var-dir, else the variable FASTX_VAR_DIR, else /usr/lib/fastx/var.
            """,
        version: ProgramVersion.number,
        groupedSubcommands: [
            CommandGroup(
                name: "The agent", subcommands: Subcommands.making + [Run.self] + Subcommands.configuring),
            CommandGroup(name: "Users and sessions", subcommands: Subcommands.users),
            CommandGroup(name: "The cluster", subcommands: Subcommands.cluster),
            CommandGroup(name: "The map", subcommands: Subcommands.map),
            CommandGroup(name: "The store", subcommands: Subcommands.store),
        ])

    static func main() async {
        // A reader that has seen enough, such as head, ends a command quietly.
        signal(SIGPIPE, SIG_DFL)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as AgentError {
            Terminal.complain(error.description)
            Glibc.exit(error.status.rawValue)
        } catch let error as NotInitialised {
            Terminal.complain(error.description)
            Glibc.exit(CommandStatus.usageOrConfiguration.rawValue)
        } catch let error as ConfigurationErrors {
            for line in error.lines { Terminal.complain(line) }
            Glibc.exit(CommandStatus.usageOrConfiguration.rawValue)
        } catch {
            end(error)
        }
    }

    private static func end(_ error: any Error) -> Never {
        let isParserError = exitCode(for: error) != .failure
        if exitCode(for: error) == .success {
            print(fullMessage(for: error))
            Glibc.exit(0)
        }
        if isParserError { Terminal.complainPlainly(fullMessage(for: error)) } else { Terminal.complain("\(error)") }
        Glibc.exit((isParserError ? CommandStatus.usageOrConfiguration : .notFoundOrRefused).rawValue)
    }
}
