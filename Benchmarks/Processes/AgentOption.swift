// Which fastx-agent a benchmark measures.
import ArgumentParser
import Foundation

/// The program: named by an option, else by a variable, else the one beside this program.
struct AgentOption: ParsableArguments {
    static let environmentVariable = "FASTX_AGENT"

    @Option(help: "The program fastx-agent. Default: $FASTX_AGENT, or the one beside this program.")
    var agent: String?

    func path() throws -> String {
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/fastx-agent"
        let path = agent ?? ProcessInfo.processInfo.environment[Self.environmentVariable] ?? beside
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw BenchmarkError(
                "\(path): there is no such program; build it, or name it with --agent or $\(Self.environmentVariable)")
        }
        return path
    }
}
