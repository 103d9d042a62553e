// The command line: the root command, and how commands end.
import ArgumentParser
import Glibc

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
                name: "The agent",
                subcommands: [Init.self, Run.self, Config.self, KeyCommand.self, Place.self, Debug.self]),
            CommandGroup(
                name: "Users and sessions",
                subcommands: [
                    Start.self, SessionList.self, Terminate.self, LoginCode.self, StewardProcessCommand.self,
                    SessionProcessCommand.self, AskpassProcessCommand.self,
                ]),
            CommandGroup(name: "The cluster", subcommands: [Members.self, Status.self, Links.self]),
            CommandGroup(
                name: "The map",
                subcommands: [
                    Put.self, Get.self, Delete.self, List.self, Watch.self, Load.self, Dump.self, Explain.self,
                ]),
            CommandGroup(name: "The store", subcommands: [Check.self, Backup.self, Restore.self]),
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

/// Where the agent lives.
struct VarDirectoryOption: ParsableArguments {
    @Option(help: "The agent's directory. Default: $FASTX_VAR_DIR, or \(VarDirectory.defaultPath).")
    var varDir: String?

    var directory: VarDirectory {
        let environment = unsafe getenv(VarDirectory.environmentVariable).map { unsafe String(cString: $0) }
        return VarDirectory(path: Paths.absolute(varDir ?? environment ?? VarDirectory.defaultPath))
    }
}

/// What most client commands take.
struct ClientOptions: ParsableArguments {
    @OptionGroup var location: VarDirectoryOption
    @Flag(help: "Print JSON.")
    var json = false

    var client: ControlClient { ControlClient(directory: location.directory) }
}

enum Paths {
    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let current = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(current) }
        return "\(unsafe String(cString: current))/\(path)"
    }
}

/// Text for people on the terminal.
enum Terminal {
    static func complain(_ text: String) { complainPlainly("fastx-agent: \(text)") }

    static func complainPlainly(_ text: String) { write(Array("\(text)\n".utf8), to: STDERR_FILENO) }

    static func write(_ bytes: some Collection<UInt8>, to descriptor: CInt = STDOUT_FILENO) {
        let array = Array(bytes)
        var written = 0
        while written < array.count {
            let count = unsafe array.withUnsafeBytes { buffer in
                unsafe Glibc.write(
                    descriptor, UnsafeRawBufferPointer(rebasing: buffer[written...]).baseAddress, array.count - written)
            }
            if count < 0 {
                if errno == EINTR { continue }
                Glibc.exit(CommandStatus.notFoundOrRefused.rawValue)
            }
            written += count
        }
    }

    /// Columns of equal width, the last one open.
    static func table(_ rows: [[String]]) {
        let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { column, text in
                column == row.count - 1 ? text : text + String(repeating: " ", count: widths[column] - text.count)
            }
            print(cells.joined(separator: "  "))
        }
    }
}
