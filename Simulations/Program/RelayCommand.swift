// Runs of the relay between an external member and the others.
import ArgumentParser
import Foundation
import SimulatedRelay

struct RelayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay",
        abstract: "Runs an external member, others linked to it, and users, under faults of the relay.",
        discussion: "Prints a line of JSON for each seed; the exit status is 1 if a rule was broken.")

    @Option(help: "The seed that everything is drawn from, or several as \"FROM..TO\".")
    var seed: String

    @Option(help: "How many members are linked to the external one; drawn from the seed unless given.")
    var members: Int?

    @Option(help: "How long users come and faults go on, in simulated seconds.")
    var duration: Int?

    @Option(help: "Kinds of fault, separated by commas, or \"none\"; drawn from the seed unless given.")
    var faults: RelayFaultList?

    @Flag(help: "Print nothing but the lines of JSON.")
    var json = false

    @Flag(help: "Stop at the first seed that breaks a rule.")
    var failFast = false

    func validate() throws {
        guard range != nil else { throw ValidationError("--seed is \(seed); it must be a number or \"FROM..TO\".") }
        if let members, !(1...100_000).contains(members) {
            throw ValidationError("--members is \(members); it must be 1 to 100000.")
        }
        if let duration, !(1...1_000_000).contains(duration) {
            throw ValidationError("--duration is \(duration); it must be 1 to 1000000 seconds.")
        }
    }

    private var range: SeedRange? { SeedRange(seed) ?? SeedRange("\(seed)..\(seed)") }

    func run() throws {
        guard let range else { return }
        var isBroken = false
        for seed in range.first...range.last {
            let plan = RelayPlan(
                seed: seed, memberCount: members, durationSeconds: duration, faults: faults?.kinds)
            let report = RelayRun(plan).run()
            if !json { print(report.text(plan)) }
            print(try report.line)
            isBroken = isBroken || !report.isSound
            if failFast, isBroken { break }
        }
        if isBroken { throw ExitCode(1) }
    }
}

/// Kinds of fault of the relay as an argument.
struct RelayFaultList: ExpressibleByArgument {
    let kinds: [RelayFault]

    init?(argument: String) {
        let words = argument == "none" ? [] : argument.split(separator: ",").map(String.init)
        kinds = words.compactMap { RelayFault(rawValue: $0) }
        guard kinds.count == words.count, argument == "none" || !words.isEmpty else { return nil }
    }

    static var allValueStrings: [String] { RelayFault.allCases.map(\.rawValue) }
}

extension RelayReport {
    /// The report as one line of JSON.
    fileprivate var line: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    /// A few lines for people.
    fileprivate func text(_ plan: RelayPlan) -> String {
        var lines = ["fastx-simulate \(plan.arguments)"]
        lines.append(
            "\(members) members, \(answered) of \(requests) requests answered, \(displaysWhole) of \(displays) displays whole,"
                + " \(dialledBack) connections dialled back and \(carried) carried")
        lines += faults.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value) times" }
        if let linkedAfterSeconds { lines.append("all linked \(linkedAfterSeconds) s after the last fault") }
        lines.append("at most \(attemptsInSecond) attempts at links in one second")
        lines += violations.map { "VIOLATION \($0)" }
        return lines.joined(separator: "\n")
    }
}
