// Many seeds one after the other in one process.
import ArgumentParser
import Foundation
import Scenarios

struct ChunkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chunk", abstract: "Runs a range of seeds, for \"sweep\".", shouldDisplay: false)

    @Option var from: UInt64
    @Option var to: UInt64
    @OptionGroup var options: PlanOptions

    func run() throws {
        for seed in from...to {
            let report = try Run(options.plan(seed: seed)).run()
            print(try report.line)
        }
    }
}
