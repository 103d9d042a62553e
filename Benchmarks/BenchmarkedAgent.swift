// A real agent as a process of its own, started and asked by a benchmark.
import Foundation

/// One agent on loopback.
final class BenchmarkedAgent {
    let directory: String
    private let program: String
    private var process: Process?
    private let logPath: String

    init(program: String, directory: String) {
        self.program = program
        self.directory = directory
        logPath = directory + ".log"
    }

    deinit { stop() }

    func start() throws {
        guard FileManager.default.createFile(atPath: logPath, contents: nil) else {
            throw BenchmarkError("\(logPath) cannot be made")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["run", "--var-dir", directory]
        process.standardError = FileHandle(forWritingAtPath: logPath)
        try process.run()
        self.process = process
    }

    func stop() {
        guard let process, process.isRunning else { return }
        process.terminate()
        process.waitUntilExit()
        self.process = nil
    }

    var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

    /// The process's memory of its own (without the mapped store) and all of it, in bytes.
    var memory: (anonymous: Int, resident: Int) {
        let status =
            (try? String(contentsOfFile: "/proc/\(process?.processIdentifier ?? 0)/status", encoding: .utf8)) ?? ""
        func bytes(_ field: String) -> Int {
            let line = status.split(separator: "\n").first { $0.hasPrefix(field) }
            return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) * 1_024
        }
        return (bytes("RssAnon:"), bytes("VmRSS:"))
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
