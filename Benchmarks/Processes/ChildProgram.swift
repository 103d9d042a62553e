// A program that runs beside a benchmark until it is stopped.
import Foundation
import OperatingSystem

/// One process, with its output in a file.
final class ChildProgram {
    /// How long a process may take to end by itself.
    private static let endingSeconds = 5.0

    let name: String
    let processID: pid_t
    private let logPath: String
    private var hasEnded = false

    /// Starts it.
    init(
        _ name: String, program: String, arguments: [String], logPath: String, environment: [String: String] = [:]
    ) throws {
        self.name = name
        self.logPath = logPath
        let output = try OwnedDescriptor.open(logPath, O_WRONLY | O_CREAT | O_APPEND)
        var plan = SpawnPlan(
            program: program, arguments: arguments,
            environment: ProcessInfo.processInfo.environment.merging(environment) { $1 })
        plan.descriptors = [nil, output, output]
        // It is ended by this program and not by the terminal.
        plan.isDetached = true
        processID = try Spawn.start(plan)
    }

    deinit { stop() }

    var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

    /// Looks whether it has ended since.
    private func isRunning() -> Bool {
        if !hasEnded { hasEnded = waitpid(processID, nil, WNOHANG) != 0 }
        return !hasEnded
    }

    /// Ends it and waits for it: first as it is asked to, then by force.
    func stop() {
        guard isRunning() else { return }
        kill(processID, SIGTERM)
        let latest = Date(timeIntervalSinceNow: Self.endingSeconds)
        while isRunning(), Date() < latest { Thread.sleep(forTimeInterval: 0.01) }
        guard !hasEnded else { return }
        kill(processID, SIGKILL)
        _ = waitpid(processID, nil, 0)
        hasEnded = true
    }

    /// Throws with the end of the log where the process is gone.
    func check() throws {
        guard isRunning() else {
            let lines = log.split(separator: "\n").suffix(3).joined(separator: " | ")
            throw BenchmarkError("\(name) ended: \(lines.isEmpty ? "it printed nothing" : lines)")
        }
    }
}

/// What a program needs from the host.
enum InstalledProgram {
    private static let directories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

    /// The path of a program; without one, an error that names the Debian package to install.
    static func find(_ name: String, package: String) throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"].map { $0.split(separator: ":").map(String.init) } ?? []
        let found = (path + directories).map { "\($0)/\(name)" }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
        guard let found else {
            throw BenchmarkError("the program \(name) is missing: install the Debian package \(package)")
        }
        return found
    }

    /// Runs a program to its end and returns what it printed.
    @discardableResult
    static func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let output = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw BenchmarkError("\(program) ended with status \(process.terminationStatus): \(text)")
        }
        return text
    }

    /// The beginning of what a program prints, as it tells its version.
    static func firstLine(_ program: String, _ arguments: String...) throws -> String {
        let text = try run(program, arguments)
        return text.split(separator: "\n").first.map(String.init) ?? ""
    }
}
