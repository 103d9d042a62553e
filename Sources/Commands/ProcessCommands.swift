// The commands that other processes of this program call: link, session, askpass, and the two of scripts. None reads any configuration.
import ArgumentParser
import Glibc
import Replica
import Scripts
import Sessions

struct StewardProcessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "link", abstract: "Serve one user: start his sessions and open their displays for the agent.",
        discussion: "Started by the agent as the user, over ssh or sudo.", shouldDisplay: false)
    @Option(help: "The agent's socket for stewards.") var socket: String
    @Option(name: .customLong("agent-uid"), help: "The user id that the agent runs as.") var agentUID: UInt32
    @Option(name: .customLong("server-id"), help: "The agent's server id.") var serverID: ServerID
    @Flag(help: "Return once a process of its own is connected.") var detach = false

    func run() async throws {
        let status = await StewardCommand.run(
            StewardCommand.Arguments(socket: socket, agentUID: agentUID, serverID: serverID, isDetached: detach))
        Glibc.exit(status)
    }
}

struct SessionProcessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "Run and watch one session.", shouldDisplay: false)
    @Argument(help: "The session's directory.") var directory: String

    func run() throws { Glibc.exit(SessionCommand.run(directory: directory)) }
}

struct AskpassProcessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "askpass", abstract: "Hand a question of ssh to the agent.", shouldDisplay: false)
    @Argument(parsing: .captureForPassthrough, help: "The question.") var prompt: [String] = []

    func run() throws { Glibc.exit(AskpassCommand.run(prompt: prompt.joined(separator: " "))) }
}

struct ScriptGuardProcessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "script-guard", abstract: "Start and end the process of one kind of scripts.",
        discussion: "Started by the agent, or by the service manager, with a connection as descriptor 0.",
        shouldDisplay: false)
    @Option(help: "The file that Node runs. Default: the one that comes with this program.") var main: String?
    @Option(help: "The newest version of Landlock to use.") var abi: Int?

    func run() throws {
        Glibc.exit(ScriptGuardCommand.run(ScriptGuardCommand.Arguments(main: main, landlockMax: abi)))
    }
}

struct ScriptConfineProcessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "script-confine", abstract: "Put up walls around this process, and become Node.",
        shouldDisplay: false)
    @Option(help: "What the script is for: \(ScriptKind.allCases.map(\.rawValue).joined(separator: ", ")).")
    var kind: ScriptKind = .placement
    @Option(help: "The absolute path of Node.") var node: String
    @Option(help: "How many MiB of memory scripts may use.") var memory: Int = 256
    @Option(help: "How many bytes Node needs for itself. Default: it is asked.") var baseline: UInt64?
    @Option(help: "The file that Node runs.") var main: String
    @Option(help: "The newest version of Landlock to use.") var abi: Int?
    @Option(name: .customLong("program"), help: "The absolute path of a program that metrics may start. Default: any.")
    var programs: [String] = []
    @Option(name: .customLong("guard"), help: "The process with which this one ends.") var guardPID: Int32?
    @Flag(help: "Tell what happens on descriptor 3.") var report = false

    func validate() throws {
        guard ScriptPlan.memoryRangeMiB.contains(memory) else {
            throw ValidationError(
                "--memory has to be \(ScriptPlan.memoryRangeMiB.lowerBound) to \(ScriptPlan.memoryRangeMiB.upperBound)."
            )
        }
    }

    func run() throws {
        Glibc.exit(
            ScriptConfineCommand.run(
                ScriptConfineCommand.Arguments(
                    kind: kind, node: node, memoryMiB: memory, baselineBytes: baseline, main: Paths.absolute(main),
                    landlockMax: abi ?? .max, programs: programs, guardPID: guardPID, isReporting: report)))
    }
}

extension ScriptKind: ExpressibleByArgument {}

extension ServerID: ExpressibleByArgument {
    /// Nil for a text that is no server id.
    package init?(argument: String) { self.init(argument) }
}
