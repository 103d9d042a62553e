// One run, told in lines for people or one line of JSON.
import ArgumentParser
import Foundation
import Scenarios

struct PlanOptions: ParsableArguments {
    @Option(help: "How many members; drawn from the seed unless given.")
    var members: Int?

    @Option(help: "How long faults go on, in simulated seconds.")
    var duration: Int?

    @Option(help: "What happens; \"fastx-simulate list\" names the scenarios.")
    var scenario: Scenario = .swarm

    @Option(help: "Kinds of fault, separated by commas, or \"none\"; drawn from the seed unless given.")
    var faults: FaultList?

    func plan(seed: UInt64) -> Plan {
        Plan(seed: seed, scenario: scenario, memberCount: members, durationSeconds: duration, faults: faults?.kinds)
    }

    /// The same options as arguments.
    var arguments: [String] {
        var words = ["--scenario", scenario.rawValue]
        if let members { words += ["--members", "\(members)"] }
        if let duration { words += ["--duration", "\(duration)"] }
        if let faults {
            words += ["--faults", faults.kinds.isEmpty ? "none" : faults.kinds.map(\.rawValue).joined(separator: ",")]
        }
        return words
    }

    func validate() throws {
        if let members, !(2...100_000).contains(members) {
            throw ValidationError("--members is \(members); it must be 2 to 100000.")
        }
        if let duration, !(1...1_000_000).contains(duration) {
            throw ValidationError("--duration is \(duration); it must be 1 to 1000000 seconds.")
        }
    }
}

extension Scenario: ExpressibleByArgument {}

/// Kinds of fault as an argument.
struct FaultList: ExpressibleByArgument {
    let kinds: [FaultKind]

    init?(argument: String) {
        if argument == "none" {
            kinds = []
            return
        }
        let words = argument.split(separator: ",").map(String.init)
        kinds = words.compactMap { FaultKind(rawValue: $0) }
        guard kinds.count == words.count, !words.isEmpty else { return nil }
    }

    static var allValueStrings: [String] { FaultKind.allCases.map(\.rawValue) }
}

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs one seed. The last line is JSON; the exit status is 1 if a rule was broken."
    )

    @Option(help: "The seed that everything is drawn from.")
    var seed: UInt64

    @OptionGroup var options: PlanOptions

    @Flag(help: "Print nothing but the line of JSON.")
    var json = false

    @Flag(help: "Print every message that arrives and every report of a member.")
    var log = false

    func run() throws {
        let plan = options.plan(seed: seed)
        if !json { print("fastx-simulate \(plan.arguments)") }
        let run = try Run(plan)
        if log { run.log { print($0) } }
        let report = run.run()
        if !json { print(report.text) }
        print(try report.line)
        if !report.isSound { throw ExitCode(1) }
    }
}

extension RunReport {
    /// The report as one line of JSON.
    var line: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    /// A few lines for people.
    var text: String {
        var lines = ["\(members) members (\(topology.rawValue)), \(writes) writes, \(messages) messages"]
        lines += faults.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value) times" }
        if let convergedAfterSeconds { lines.append("all maps equal \(convergedAfterSeconds) s after the last fault") }
        lines += violations.map { "VIOLATION \($0)" }
        let speed = Int(simulatedSeconds / max(realSeconds, 0.000_001))
        lines.append("\(simulatedSeconds) simulated seconds, \(speed) for each real one")
        return lines.joined(separator: "\n")
    }
}
