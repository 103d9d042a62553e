// Many seeds on all cores: progress, the first failure made small, and what was covered.
import ArgumentParser
import Foundation
import Scenarios
import Synchronization

struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract:
            "Runs many seeds. Prints how to repeat the first failure as small as it can be made, and exits with 1.")

    @Option(help: "The seeds, as \"FROM..TO\", or a file with a line of arguments of \"run\" for each run.")
    var seeds: String

    @OptionGroup var options: PlanOptions

    @Option(help: "How many processes run at once; by default one for each core.")
    var processes: Int?

    @Option(help: "Write the fault coverage, as tables in Markdown, to this file.")
    var coverage: String?

    @Flag(help: "Stop at the first failure, and do not make it smaller.")
    var failFast = false

    /// How many runs one process does before it reports, so that little is lost when one of them crashes it.
    private static let chunkCount: UInt64 = 50

    func run() throws {
        if let range = SeedRange(seeds) {
            try sweep(range)
        } else {
            try rerun(file: seeds)
        }
    }

    private func sweep(_ range: SeedRange) throws {
        let tally = Mutex(SweepTally(total: range.count))
        let next = Mutex(range.first)
        let workers = processes ?? ProcessInfo.processInfo.activeProcessorCount
        let group = DispatchGroup()
        for _ in 0..<max(1, workers) {
            DispatchQueue.global().async(group: group) {
                while true {
                    let from = next.withLock { next -> UInt64? in
                        guard next <= range.last else { return nil }
                        defer { next += Self.chunkCount }
                        return next
                    }
                    guard let from, !(failFast && tally.withLock { !$0.failures.isEmpty }) else { return }
                    let reports = chunk(from, min(from + Self.chunkCount - 1, range.last))
                    tally.withLock { $0.add(reports) }
                }
            }
        }
        group.wait()
        try finish(tally.withLock { $0 })
    }

    /// Runs seeds in a process of their own; a seed that crashes it is a failure like others.
    private func chunk(_ from: UInt64, _ to: UInt64) -> [SweepTally.Outcome] {
        var outcomes: [SweepTally.Outcome] = []
        var first = from
        while first <= to {
            let (reports, status) = childReports(["chunk", "--from", "\(first)", "--to", "\(to)"] + options.arguments)
            outcomes += reports.map { .finished($0) }
            first += UInt64(reports.count)
            if first <= to {
                outcomes.append(.crashed(options.plan(seed: first), status: status))
                first += 1
            }
        }
        return outcomes
    }

    private func rerun(file: String) throws {
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        let runs = lines.map { $0.split(separator: " ").map(String.init) }.filter { $0.first == "run" }
        var tally = SweepTally(total: UInt64(runs.count))
        for arguments in runs {
            let (reports, status) = childReports(arguments + ["--json"])
            guard let report = reports.first else {
                throw ValidationError("\(file): \"\(arguments.joined(separator: " "))\" ended with status \(status)")
            }
            tally.add([.finished(report)])
        }
        try finish(tally)
    }

    private func finish(_ tally: SweepTally) throws {
        tally.print()
        if let coverage { try tally.coverage.table.write(toFile: coverage, atomically: true, encoding: .utf8) }
        guard let failure = tally.failures.first else { return }
        if failFast { throw ExitCode(1) }
        print("making the first failure smaller: fastx-simulate \(failure.arguments)")
        let small = Minimiser { plan in
            childReports(plan.arguments.split(separator: " ").map(String.init) + ["--json"]).0.first?.isSound != true
        }.minimise(failure)
        print("fastx-simulate \(small.arguments)")
        throw ExitCode(1)
    }
}

/// Runs this program again and reads the reports that it prints.
func childReports(_ arguments: [String]) -> ([RunReport], Int32) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    do {
        try process.run()
    } catch {
        return ([], -1)
    }
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let decoder = JSONDecoder()
    let reports = output.split(separator: UInt8(ascii: "\n")).compactMap { line in
        try? decoder.decode(RunReport.self, from: line)
    }
    return (reports, process.terminationStatus)
}

/// Seeds from one to another.
struct SeedRange {
    let first: UInt64
    let last: UInt64

    init?(_ text: String) {
        let parts = text.components(separatedBy: "..")
        guard parts.count == 2, let first = UInt64(parts[0]), let last = UInt64(parts[1]), first <= last else {
            return nil
        }
        self.first = first
        self.last = last
    }

    var count: UInt64 { last - first + 1 }
}
