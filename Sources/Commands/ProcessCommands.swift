// The commands that other processes of this program call: link, session, askpass. None reads any configuration.
import ArgumentParser
import Glibc
import Replica
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

extension ServerID: ExpressibleByArgument {
    /// Nil for a text that is no server id.
    package init?(argument: String) { self.init(argument) }
}
