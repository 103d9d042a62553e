// Proves the checkers: every deliberate bug must be caught by the run named for it, and nothing without one.
import ArgumentParser
import Foundation
import Scenarios

struct MutantsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mutants",
        abstract: "Builds the sources with deliberate bugs, one at a time, and fails if any of them is not caught.")

    @Option(help: "The root of the project's sources.")
    var root = "."

    @Option(help: "Only mutants whose name contains this.")
    var only: String?

    /// No mutant may take longer to be caught, in seconds of one core.
    private static let limitSeconds = 600.0

    func run() throws {
        let build = try MutantBuild(root: URL(fileURLWithPath: root).standardizedFileURL)
        print("building \(build.mutants.count) mutants into one program; a first time takes some minutes")
        try build.make()
        var survivors: [String] = []
        for (position, mutant) in build.mutants.enumerated() where only.map(mutant.name.contains) ?? true {
            let began = Date()
            let caught = try runs(build, mutant, number: position + 1) != 0
            let seconds = Date().timeIntervalSince(began)
            let isInTime = seconds <= Self.limitSeconds
            if !caught || !isInTime { survivors.append(mutant.name) }
            let verdict = caught ? (isInTime ? "caught" : "TOO LATE") : "SURVIVED"
            print("\(position + 1). \(verdict) in \(Int(seconds.rounded(.up))) s: \(mutant.name) (\(mutant.caughtBy))")
        }
        try checkOriginal(build)
        guard survivors.isEmpty else {
            print("survived: \(survivors.joined(separator: "; "))")
            throw ExitCode(1)
        }
        print("all mutants were caught")
    }

    /// Without a mutant the same runs break no rule.
    private func checkOriginal(_ build: MutantBuild) throws {
        for arguments in Set(build.mutants.map(\.caughtBy)).sorted() where only == nil {
            let mutant = Mutant(name: "none", file: "", find: "", replace: "", caughtBy: arguments)
            guard try runs(build, mutant, number: 0) == 0 else {
                throw ValidationError("without a mutant, \"fastx-simulate \(arguments)\" fails as well")
            }
        }
        print("without a mutant all these runs pass")
    }

    private func runs(_ build: MutantBuild, _ mutant: Mutant, number: Int) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: build.program)
        process.arguments = mutant.caughtBy.split(separator: " ").map(String.init)
        process.environment = ProcessInfo.processInfo.environment.merging(
            [MutantBuild.variable: "\(number)"], uniquingKeysWith: { $1 })
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
