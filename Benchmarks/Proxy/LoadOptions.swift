// What the benchmarks of carriers take: how much load, for how long, and beside what peers.
import ArgumentParser

/// One kind of load.
enum LoadKind: String, CaseIterable, ExpressibleByArgument {
    case streams, requests, bulk, display, small
}

struct LoadOptions: ParsableArguments {
    @Flag(help: "Run each load through the peers as well, in turn, and print ratios to them.") var peers = false
    @Option(help: "How many connections ask for something small at once.") var connections = 32
    @Option(help: "How many connections pull something large at once.") var bulkConnections = 4
    @Option(help: "How many connections have asked for something large and stopped reading.") var stalledConnections = 8
    @Option(help: "How many seconds each load lasts through each carrier, in each round.") var seconds = 5.0
    @Option(help: "How many rounds there are; in each, every carrier has its turn.") var rounds = 3
    @Option(help: "How many idle event streams are open for the figure of memory; at most 10000.") var streams = 10_000
    @Option(help: "How many instead where the host's limit of open files is too low for that.")
    var streamsFallback = 1_000
    @Option(
        parsing: .upToNextOption,
        help: "Which loads: \(LoadKind.allCases.map(\.rawValue).joined(separator: ", ")). All unless given.")
    var loads = LoadKind.allCases

    func validate() throws {
        for (name, value) in [
            ("--connections", connections), ("--bulk-connections", bulkConnections),
            ("--stalled-connections", stalledConnections), ("--rounds", rounds), ("--streams", streams),
            ("--streams-fallback", streamsFallback),
        ] where !(1...10_000).contains(value) {
            throw ValidationError("\(name) \(value): a whole number from 1 to 10000 is expected")
        }
        guard (0.5...600).contains(seconds) else {
            throw ValidationError("--seconds \(seconds): 0.5 to 600 are allowed")
        }
    }
}
