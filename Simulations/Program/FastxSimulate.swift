// fastx-simulate: deterministic partition tests, and what they find.
import ArgumentParser

@main
struct FastxSimulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fastx-simulate",
        abstract: "Runs clusters in virtual time under faults, and checks that nothing is lost and nothing comes back.",
        subcommands: [
            RunCommand.self, SweepCommand.self, RelayCommand.self, ListCommand.self, MutantsCommand.self,
            ScaleCommand.self, PlotCommand.self,
            CrashPointsCommand.self, ChunkCommand.self, CrashWorkloadCommand.self, CrashCheckCommand.self,
        ])
}
