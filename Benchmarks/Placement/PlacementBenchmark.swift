// How fast servers are chosen by scripts, beside the naive way in one Node process.
import ArgumentParser
import Foundation
import Histogram
import JSON
import OperatingSystem
import Placement
import Replica
import Scripts

struct PlacementBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "placement", abstract: "Decisions by a chain of three scripts, for clusters of several sizes.",
        discussion: """
            The chain is "Needs GPU", "Filter Vnode servers", "Fewest Sessions", as they are shipped, and the user needs a GPU.
            With --peers each decision is made in turn by a worker, behind its walls, and by a plain Node process that is
            handed the whole list as text.
            """)

    @OptionGroup var report: ReportOptions
    @OptionGroup var agent: AgentOption
    @Flag(help: "Compare with the naive way.") var peers = false
    @Option(help: "How many servers; may be repeated.") var servers: [Int] = [10, 100, 1_000, 10_000]
    @Option(help: "How many seconds for each size.") var seconds = 10
    @Option(help: "The path of Node.") var node = "/usr/bin/node"

    static let chain = ["Needs GPU", "Filter Vnode servers", "Fewest Sessions"]

    func run() async throws {
        let printer = ResultPrinter(isJSON: report.json)
        let program = try agent.path()
        guard let files = InstalledFiles(program: program).directory(with: "ScriptWorker/worker.js") else {
            throw BenchmarkError("\(program): the scripts that come with it are not beside it")
        }
        let predefined = try PredefinedScripts(directory: "\(files)/ScriptWorker/predefined")
        MachineNotes.print(printer, versions: [])
        for count in servers {
            Progress.say("\(count) servers")
            let sample = try PlacementSample(
                SampleCluster(count: count), predefined, program: program, node: node)
            try await measure(sample, count, printer)
            try await sample.close()
        }
        MachineNotes.printLoad(printer, "after")
    }

    private func measure(_ sample: PlacementSample, _ count: Int, _ printer: ResultPrinter) async throws {
        var (own, naive) = (Self.histogram, Self.histogram)
        let expected = try await sample.decide()
        if let version = await sample.pool.status.lastStart?.nodeVersion { printer.note("Node \(version)") }
        for wall in await sample.pool.status.lastStart?.missingWalls ?? [] { printer.note(wall) }
        let end = ContinuousClock.now + .seconds(seconds)
        var changed = 0
        while ContinuousClock.now < end || own.totalCount < 20 {
            // As updates come in: one in thirty of the servers each second, and a decision every 10 ms or so.
            changed += max(1, count / 3_000)
            sample.change(changed)
            let answer = try await timed(&own) { try await sample.decide() }
            guard answer == expected else { throw BenchmarkError("the worker chose \(answer), not \(expected)") }
            guard peers else { continue }
            let other = try await timed(&naive) { try sample.decideNaively() }
            guard other == expected else { throw BenchmarkError("the naive way chose \(other), not \(expected)") }
        }
        print(own, "placement.\(count)", printer)
        printer.print("placement.\(count).rate", 1_000_000 / max(1, own.mean), "decisions/second")
        if let kilobytes = await sample.workerKilobytes() {
            printer.print("placement.\(count).memory", Double(kilobytes) / 1_024, "MiB resident, one worker")
        }
        try await together(sample, count, printer)
        guard peers else { return }
        print(naive, "naive.\(count)", printer)
        for percentile in [50.0, 99] {
            let ratio = Double(own.valueAtPercentile(percentile)) / Double(naive.valueAtPercentile(percentile))
            printer.print("ratio.\(count).p\(Int(percentile))", ratio, "of the naive way")
        }
    }

    /// 200 logins at once: how long until the last one has its server.
    private func together(_ sample: PlacementSample, _ count: Int, _ printer: ResultPrinter) async throws {
        let begin = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 { group.addTask { _ = try await sample.decide() } }
            try await group.waitForAll()
        }
        printer.print(
            "placement.\(count).200together", (ContinuousClock.now - begin) / .milliseconds(1), "milliseconds")
    }

    private static var histogram: Histogram<UInt32> {
        Histogram(highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: .three)
    }

    private func timed<Result>(
        _ histogram: inout Histogram<UInt32>, _ body: () async throws -> Result
    ) async throws -> Result {
        let begin = ContinuousClock.now
        let result = try await body()
        histogram.record(UInt64((ContinuousClock.now - begin) / .microseconds(1)))
        return result
    }

    private func print(_ histogram: Histogram<UInt32>, _ name: String, _ printer: ResultPrinter) {
        printer.print("\(name).p50", Double(histogram.valueAtPercentile(50)), "microseconds")
        printer.print("\(name).p99", Double(histogram.valueAtPercentile(99)), "microseconds")
    }
}
