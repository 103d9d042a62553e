// fastx-simulate: deterministic partition tests, and what they find.
import ArgumentParser

@main
struct FastxSimulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fastx-simulate",
        abstract: "Runs clusters in virtual time under faults, and checks that nothing is lost and nothing comes back.",
        subcommands: [
            RunCommand.self, SweepCommand.self, ListCommand.self, MutantsCommand.self, ScaleCommand.self,
            ChunkCommand.self,
        ])
}
