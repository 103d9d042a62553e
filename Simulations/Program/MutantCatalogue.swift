// The deliberate bugs: where each is put into the sources, and which run has to catch it.
import Foundation

/// One deliberate bug: an expression of the sources and what it becomes.
struct Mutant: Decodable, Sendable {
    /// What the bug does, in a few words.
    let name: String
    /// Relative to the root of the project.
    let file: String
    /// The expression, which is there exactly once.
    let find: String
    let replace: String
    /// The arguments of `fastx-simulate` that catch it.
    let caughtBy: String
}

enum MutantError: Error, CustomStringConvertible {
    case noCatalogue(String, reason: String)
    case notOnce(Mutant, count: Int)
    case build(log: String)

    var description: String {
        switch self {
        case .noCatalogue(let path, let reason):
            "\(path): \(reason). Run this from the root of the project's sources, or name it with --root."
        case .notOnce(let mutant, let count):
            "mutant \"\(mutant.name)\": \(mutant.file) has \"\(mutant.find)\" \(count) times and should have it once"
        case .build(let log): "the mutated sources do not build; see \(log)"
        }
    }
}

/// A copy of the sources that holds every mutant, each switched on by its number in the environment.
struct MutantBuild {
    let root: URL
    let mutants: [Mutant]

    static let cataloguePath = "Simulations/mutants.json"
    /// The number of the mutant that is switched on, from 1; none without it.
    static let variable = "FASTX_MUTANT"

    private var directory: URL { root.appendingPathComponent(".build-mutants") }
    var program: String { directory.appendingPathComponent(".build/release/fastx-simulate").path }

    init(root: URL) throws {
        self.root = root
        let path = root.appendingPathComponent(Self.cataloguePath)
        do {
            mutants = try JSONDecoder().decode([Mutant].self, from: Data(contentsOf: path))
        } catch {
            throw MutantError.noCatalogue(path.path, reason: "\(error.localizedDescription)")
        }
    }

    /// Writes the mutated copy and builds it; files that did not change are left alone, so that a second time is quick.
    func make() throws {
        var sources: [String: String] = [:]
        for folder in ["World", "Scenarios", "Relay", "CrashPoints", "Program"] {
            try read("Simulations/\(folder)", into: &sources)
        }
        let modules = try readImported(into: &sources)
        for (position, mutant) in mutants.enumerated() {
            let parts = (sources[mutant.file] ?? "").components(separatedBy: mutant.find)
            guard parts.count == 2 else { throw MutantError.notOnce(mutant, count: parts.count - 1) }
            let choice = "(Mutation.isActive(\(position + 1)) ? (\(mutant.replace)) : (\(mutant.find)))"
            sources[mutant.file] = parts.joined(separator: choice)
            // Each module that is changed has the switch of its own.
            let module = mutant.file.split(separator: "/").prefix(2).joined(separator: "/")
            sources["\(module)/Mutation.swift"] = Self.switchSource
        }
        sources["Package.swift"] = try Self.manifest(
            String(contentsOf: root.appendingPathComponent("Package.swift"), encoding: .utf8),
            neededNames: modules + Self.simulationNames)
        for (path, text) in sources { try write(text, to: directory.appendingPathComponent(path)) }
        try build()
    }

    /// Reads the modules below Sources that these sources import, and those that they import; gives their names.
    private func readImported(into sources: inout [String: String]) throws -> [String] {
        var names: Set<String> = []
        while true {
            let imported = sources.values.flatMap { $0.matches(of: /(?m)^[a-z ]*import (\w+)$/).map { String($0.1) } }
            let missing = Set(imported).subtracting(names).filter {
                FileManager.default.fileExists(atPath: root.appendingPathComponent("Sources/\($0)").path)
            }
            if missing.isEmpty { return names.sorted() }
            names.formUnion(missing)
            for name in missing { try read("Sources/\(name)", into: &sources) }
        }
    }

    private func read(_ folder: String, into sources: inout [String: String]) throws {
        let base = root.appendingPathComponent(folder)
        let names = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        for name in names where [".swift", ".h", ".modulemap"].contains(where: { name.hasSuffix($0) }) {
            sources["\(folder)/\(name)"] = try String(contentsOf: base.appendingPathComponent(name), encoding: .utf8)
        }
    }

    private func write(_ text: String, to file: URL) throws {
        if let old = try? String(contentsOf: file, encoding: .utf8), old == text { return }
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: file, atomically: true, encoding: .utf8)
    }

    /// The project's manifest with the targets and products that the simulator needs alone.
    private static func manifest(_ text: String, neededNames: [String]) -> String {
        var kept: [String] = []
        var entry: [String] = []
        func endEntry() {
            let text = entry.joined(separator: "\n")
            let isNeeded = text.contains(".package(") || neededNames.contains { text.contains("name: \"\($0)\"") }
            if isNeeded { kept += entry }
            entry = []
        }
        for line in text.components(separatedBy: "\n") {
            if line.hasPrefix("        .") || line.hasPrefix("    ]") { endEntry() }
            if line.hasPrefix("        .") || !entry.isEmpty { entry.append(line) } else { kept.append(line) }
        }
        return kept.joined(separator: "\n")
    }

    private static let simulationNames = [
        "SimulatedWorld", "SimulatedRelay", "Scenarios", "CrashPoints", "Simulations", "fastx-simulate",
    ]

    private static let switchSource = """
        // Which of the deliberate bugs is switched on.
        import Glibc

        enum Mutation {
            private static let active: Int32 = unsafe getenv("\(variable)").map { unsafe atoi($0) } ?? 0
            static func isActive(_ number: Int32) -> Bool { active == number }
        }
        """

    private func build() throws {
        let log = directory.appendingPathComponent("build.log")
        try Data().write(to: log)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "swift", "build", "-c", "release", "--product", "fastx-simulate", "--package-path", directory.path,
        ]
        process.standardOutput = try FileHandle(forWritingTo: log)
        process.standardError = process.standardOutput
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw MutantError.build(log: log.path) }
    }
}
