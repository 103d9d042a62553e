// Runs a workload in a child process under the storage shim and reads what it recorded.
import Dispatch
import Foundation
import Glibc

/// How to start the children of an enumeration.
package struct ChildCommands: Sendable {
    /// The program that has the subcommands; by default the one that is running.
    package var program = "/proc/self/exe"
    /// The arguments before the name and the directory of a workload.
    package var workloadArguments = ["crash-workload"]
    /// The arguments that have it check images.
    package var checkerArguments = ["crash-check"]
    /// The storage shim, a library.
    package var shim: String

    package init(shim: String) {
        self.shim = shim
        // The link names another program in a child.
        if let path = try? FileManager.default.destinationOfSymbolicLink(atPath: program) { program = path }
    }
}

enum Recorder {
    /// A workload takes a second.
    private static let patienceSeconds = 120

    /// Records a workload.
    ///
    /// - Parameter scratch: A directory for the run, removed afterwards.
    static func record(
        _ workload: Workload, _ commands: ChildCommands, scratch: String
    ) throws(CrashPointError) -> Recording {
        try RawFile.makeDirectory(scratch)
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let directory = scratch + "/recorded"
        let record = scratch + "/record"
        let control = scratch + "/control"
        try RawFile.makeDirectory(directory)
        try RawFile.replace(control, [UInt8](repeating: 0, count: ShimControl.byteCount))
        guard FileManager.default.isReadableFile(atPath: commands.shim) else {
            throw .child("the storage shim \(commands.shim) cannot be read; build it first")
        }
        var environment = ProcessInfo.processInfo.environment
        environment["LD_PRELOAD"] = commands.shim
        environment["FASTX_SHIM_DIRECTORY"] = directory
        environment["FASTX_SHIM_RECORD"] = record
        environment["FASTX_SHIM_CONTROL"] = control
        try run(commands.program, commands.workloadArguments + [workload.name, directory], environment)
        let recording = try Recording(parsing: RawFile.contents(record))
        guard !recording.isCutOff else { throw .child("the recording of \(workload.name) is cut off") }
        return recording
    }

    private static func run(
        _ program: String, _ arguments: [String], _ environment: [String: String]
    ) throws(CrashPointError) {
        let process = Process()
        let errors = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
        do {
            try process.run()
        } catch {
            throw .child("\(program) cannot be started: \(error)")
        }
        try? errors.fileHandleForWriting.close()
        // Its end closes the pipe, which is what is waited for.
        let child = process.processIdentifier
        let end = DispatchWorkItem { kill(child, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(patienceSeconds), execute: end)
        defer { end.cancel() }
        let text = try LineReader.all(errors.fileHandleForReading.fileDescriptor, name: "a workload's errors")
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw .child("\(arguments.joined(separator: " ")) ended with \(process.terminationStatus): \(text)")
        }
    }
}
