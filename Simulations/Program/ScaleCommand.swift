// Answers planning questions: how long until everybody knows, and what it costs.
import ArgumentParser
import Foundation
import Scenarios

struct ScaleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "Measures how long an update takes to be everywhere in healthy clusters of many members.")

    @Option(help: "How many members, separated by commas.")
    var members = "10,100,1000"

    @Option(help: "How long updates are published, in simulated seconds, one for each number of members.")
    var seconds = "30"

    @Option(help: "Write the table, in Markdown, to this file.")
    var table: String?

    @Option(help: "Draw the times to this SVG file.")
    var plot: String?

    func run() throws {
        let counts = members.split(separator: ",").compactMap { Int($0) }
        let durations = seconds.split(separator: ",").compactMap { Int($0) }
        guard !counts.isEmpty, !durations.isEmpty, counts.allSatisfy({ $0 >= 2 }), durations.allSatisfy({ $0 > 0 })
        else {
            throw ValidationError("--members takes numbers of 2 or more, and --seconds of 1 or more, as in \"10,100\".")
        }
        var reports: [ScaleReport] = []
        for (position, count) in counts.enumerated() {
            let duration = durations[min(position, durations.count - 1)]
            let report = try ScaleRun(ScalePlan(memberCount: count, measuredSeconds: duration)).run { Self.peakMemory }
            reports.append(report)
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        }
        if let table { try Self.table(reports).write(toFile: table, atomically: true, encoding: .utf8) }
        if let plot { try ScaleChart(reports).svg.write(toFile: plot, atomically: true, encoding: .utf8) }
    }

    /// The most memory that this process ever had, in bytes.
    private static var peakMemory: Int {
        var usage = rusage()
        unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1_024
    }

    private static func table(_ reports: [ScaleReport]) -> String {
        let head = """
            | members | access points | links | updates | p50 s | p99 s | max s | copies received | bytes/s sent, mean \
            | bytes/s sent, most | messages | real s | memory MB |
            |---|---|---|---|---|---|---|---|---|---|---|---|---|

            """
        return head
            + reports.map { report in
                let times = [report.everywhereP50, report.everywhereP99, report.everywhereMax]
                    .map { String(format: "%.3f", $0) }.joined(separator: " | ")
                return
                    "| \(report.members) | \(report.accessPoints) | \(report.links) | \(report.updates) | \(times) | "
                    + String(format: "%.2f", report.copiesReceived)
                    + " | \(Int(report.bytesSentMean)) | \(Int(report.bytesSentMax)) | \(report.messages) | "
                    + "\(Int(report.realSeconds)) | \(report.peakMemoryBytes >> 20) |"
            }.joined(separator: "\n") + "\n"
    }
}
