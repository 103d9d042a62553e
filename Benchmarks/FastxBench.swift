// fastx-bench: how fast the store, the synchronisation, the gateway and placement are on this machine.
import ArgumentParser

/// The program.
@main
struct FastxBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fastx-bench",
        abstract: "Benchmarks of the store, of the synchronisation, of the gateway and of placement.",
        discussion: "Figures hold for this machine at this moment. To compare, run both sides in turn in one call.",
        subcommands: [
            StoreBenchmark.self, SyncBenchmark.self, ProxyBenchmark.self, RelayBenchmark.self, PlacementBenchmark.self,
        ])
}

/// What every benchmark takes.
struct ReportOptions: ParsableArguments {
    @Flag(help: "Print each result as a line of JSON instead of a table.") var json = false
}

/// Prints results: as a table for people, or a JSON line each for programs.
struct ResultPrinter {
    let isJSON: Bool

    func print(_ name: String, _ value: Double, _ unit: String) {
        let isWhole = value >= 100 || value == value.rounded()
        let text = isWhole ? "\(Int(value.rounded()))" : "\((value * 100).rounded() / 100)"
        if isJSON {
            Swift.print("{\"name\":\"\(name)\",\"value\":\(text),\"unit\":\"\(unit)\"}")
        } else {
            let padding = String(repeating: " ", count: max(1, 52 - name.count - text.count))
            Swift.print("\(name)\(padding)\(text) \(unit)")
        }
    }

    /// What has to be known of the figures around it.
    func note(_ text: String) {
        guard isJSON else { return Swift.print("# \(text)") }
        let plain = text.filter { $0 != "\"" && $0 != "\\" && $0 >= " " }
        Swift.print("{\"note\":\"\(plain)\"}")
    }
}
