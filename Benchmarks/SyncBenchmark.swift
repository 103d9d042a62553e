// Two real agents over TLS: a cold synchronisation, and reconciling a number of differences.
import ArgumentParser
import Foundation

struct SyncBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync", abstract: "Synchronise two real agents over TLS on loopback.")

    @OptionGroup var report: ReportOptions
    @Option(help: "How many entries.") var entries = 1_000_000
    @Option(help: "How many bytes a value has.") var valueBytes = 100
    @Option(help: "Numbers of differences to reconcile, separated by commas.") var differences = "0,1,10,100,1000,10000"
    @OptionGroup var agent: AgentOption
    @Option(help: "The port to use on 127.0.0.1 and 127.0.0.2.") var port = 3399

    func run() async throws {
        let printer = ResultPrinter(isJSON: report.json)
        let directory = try TemporaryDirectory()
        let program = try agent.path()
        let first = BenchmarkedAgent(program: program, directory: directory.path + "/a")
        let second = BenchmarkedAgent(program: program, directory: directory.path + "/b")
        try first.run("init", "--listen", "127.0.0.1:\(port)", "--new-cluster-key")
        try first.run("key", "export", "--to", directory.path + "/key")
        try second.run(
            "init", "--listen", "127.0.0.2:\(port)", "--access-point", "https://127.0.0.1:\(port)",
            "--cluster-key-file", directory.path + "/key")
        try first.start()
        try await poll("the first agent") { (try? first.status()) != nil }
        try load(first, 0..<entries, "bulk", printer)
        try await coldSync(first, second, printer)
        for text in differences.split(separator: ",") {
            guard let count = Int(text) else { throw ValidationError("--differences: \(text) is no number") }
            try await reconcile(first, second, count, printer)
        }
        second.stop()
        first.stop()
    }

    private func load(
        _ agent: BenchmarkedAgent, _ numbers: Range<Int>, _ name: String, _ printer: ResultPrinter?
    ) throws {
        if numbers.isEmpty { return }
        Progress.say("loading \(numbers.count) entries")
        let value = String(repeating: "v", count: valueBytes)
        var lines = Data()
        lines.reserveCapacity(numbers.count * (valueBytes + 48))
        for number in numbers {
            lines.append(
                contentsOf: "{\"key\":\"data/\(name)/\(1_000_000_000 + number)\",\"value\":\"\(value)\"}\n".utf8)
        }
        let start = ContinuousClock.now
        try agent.run("load", "-", input: lines)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        printer?.print("sync.load", Double(numbers.count) / seconds, "entries/second")
    }

    private func coldSync(
        _ first: BenchmarkedAgent, _ second: BenchmarkedAgent, _ printer: ResultPrinter
    ) async throws {
        Progress.say("synchronising an empty member")
        try second.start()
        var line: Substring?
        try await poll("the stream") {
            line = second.log.split(separator: "\n").last { $0.contains(" entries streamed from ") }
            return line != nil
        }
        let words = line?.split(separator: " ") ?? []
        // "<count> entries streamed from <server> in <seconds> s, <rate> a second, ..."
        guard let position = words.firstIndex(of: "streamed"), let seconds = Double(words[position + 4]) else {
            throw BenchmarkError("the log line of the stream was not understood: \(line ?? "")")
        }
        printer.print("sync.cold", Double(entries) / seconds, "entries/second")
        printer.print("sync.cold.receiver.anonymous", Double(second.memory.anonymous) / 1_048_576, "MiB")
        printer.print("sync.cold.receiver.resident", Double(second.memory.resident) / 1_048_576, "MiB")
        printer.print("sync.cold.sender.anonymous", Double(first.memory.anonymous) / 1_048_576, "MiB")
        printer.print("sync.cold.sender.resident", Double(first.memory.resident) / 1_048_576, "MiB")
    }

    /// Differences made while the second agent was away. Server updates add a few of their own.
    private func reconcile(
        _ first: BenchmarkedAgent, _ second: BenchmarkedAgent, _ count: Int, _ printer: ResultPrinter
    ) async throws {
        Progress.say("reconciling \(count) differences")
        if count > 0 {
            second.stop()
            try load(first, 0..<count, "difference\(count)", nil)
            try second.start()
        }
        var last: [String: Any]?
        try await poll("the reconciliation") {
            last = second.lastReconciliation()
            return last != nil
        }
        let name = "sync.reconcile.\(count)"
        for (field, unit) in [
            ("differences", "entries"), ("bytes", "bytes"), ("roundTrips", "round trips"),
            ("milliseconds", "milliseconds"),
        ] {
            printer.print("\(name).\(field)", (last?[field] as? NSNumber)?.doubleValue ?? .nan, unit)
        }
    }

    /// Asks until something holds, for at most five minutes.
    private func poll(_ what: String, _ condition: () -> Bool) async throws {
        for _ in 0..<6_000 {
            if condition() { return }
            // The agents are other processes, which tell of nothing by themselves.
            try await Task.sleep(for: .milliseconds(50))
        }
        throw BenchmarkError("\(what) did not come to an end in five minutes")
    }
}
