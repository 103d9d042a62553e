// A real agent as a process of its own, started and asked by a benchmark.
import Foundation
import OperatingSystem

/// One agent on loopback.
final class BenchmarkedAgent {
    let directory: String
    private let program: String
    private let environment: [String: String]
    private let logPath: String
    private var process: ChildProgram?

    init(program: String, directory: String, environment: [String: String] = [:]) {
        self.program = program
        self.directory = directory
        self.environment = environment
        logPath = directory + ".log"
    }

    func start() throws {
        process = try ChildProgram(
            "fastx-agent", program: program, arguments: ["run", "--var-dir", directory], logPath: logPath,
            environment: environment)
    }

    func stop() {
        process?.stop()
        process = nil
    }

    /// Throws where it has ended by itself.
    func check() throws { try process?.check() }

    var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }
    var usage: ProcessUsage { process.map { .ofTrees([$0.processID]) } ?? ProcessUsage() }

    /// The process's memory of its own (without the mapped store) and all of it, in bytes.
    var memory: (anonymous: Int, resident: Int) { ProcessTable.memory(of: process?.processID ?? 0) }

    /// Changes the JSON of a configuration file.
    func edit(_ file: String, _ change: (inout [String: Any]) -> Void) throws {
        let url = URL(fileURLWithPath: "\(directory)/config/\(file)")
        var content = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any] ?? [:]
        change(&content)
        let handle = try FileHandle(forWritingTo: url)
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: JSONSerialization.data(withJSONObject: content))
        try handle.close()
    }

    /// Runs a client command and returns what it printed.
    @discardableResult
    func run(_ arguments: String..., input: Data? = nil) throws -> Data {
        let command = Process()
        command.executableURL = URL(fileURLWithPath: program)
        command.arguments = arguments + ["--var-dir", directory]
        let output = Pipe()
        command.standardOutput = output
        command.standardError = FileHandle.nullDevice
        let feed = input.map { _ in Pipe() }
        if let feed { command.standardInput = feed }
        try command.run()
        if let feed, let input {
            Thread.detachNewThread {
                feed.fileHandleForWriting.write(input)
                feed.fileHandleForWriting.closeFile()
            }
        }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        command.waitUntilExit()
        guard command.terminationStatus == 0 else {
            throw BenchmarkError("\(arguments.joined(separator: " ")) ended with status \(command.terminationStatus)")
        }
        return data
    }

    func status() throws -> [String: Any] {
        try JSONSerialization.jsonObject(with: run("status", "--json")) as? [String: Any] ?? [:]
    }

    /// What the link's last reconciliation cost, once there was one.
    func lastReconciliation() -> [String: Any]? {
        guard let status = try? status(), let links = status["links"] as? [[String: Any]] else { return nil }
        return links.compactMap { $0["lastReconciliation"] as? [String: Any] }.first
    }
}

/// What goes wrong in a benchmark, in a line.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
