// Crash-point enumeration: what the store makes of every state that a power cut can leave of its files.
//
// A workload is run once with the real store and recorded. Behind each recorded call the images are built that the disk
// may hold at that moment (the model is in Images/DiskModel.swift), and the real store has to make of each one a state
// that it acknowledged last, or that was under way.
import Dispatch
import Foundation
import Synchronization

/// How to run an enumeration.
package struct CrashPointOptions: Sendable {
    /// Which workloads, by name.
    package var workloads = CrashPointSimulation.workloadNames
    /// Distinct images over all workloads, where there are so many.
    package var imageCountMax = 1_200_000
    /// One image in so many is opened, written to and checked again; the others are read.
    package var fullCheckInterval = 200
    package var seed: UInt64 = 1
    /// After so many violations of a workload no more are looked for.
    package var violationCountMax = 100
    /// Processes that check images at once.
    package var workerCount = 2
    /// Where images are kept, best in memory; nil for a new directory there.
    package var imageDirectory: String?
    /// Where to keep the recordings of workloads with violations; nil for nowhere.
    package var keepDirectory: String?
    /// A fault to put into each recording, which must then be found.
    package var fault: RecordingFault?
    package var commands: ChildCommands

    package init(commands: ChildCommands) { self.commands = commands }
}

package enum CrashPointSimulation {
    package static let workloadNames = Workload.all.map(\.name)

    // MARK: For child processes

    /// Runs a workload in a directory that is there and empty. The process is one of its own, under the storage shim.
    package static func runWorkload(named name: String, directory: String) async throws {
        let workload = try Workload.named(name)
        try await workload.run(Stage(directory: directory, seed: 1))
    }

    /// Checks images until standard input ends.
    package static func runChecker() async throws { try await CheckerChild.run() }

    // MARK: For the parent

    /// Enumerates the crash points of workloads.
    ///
    /// - Parameter progress: Called with the report of each workload when it is through.
    package static func run(
        _ options: CrashPointOptions, progress: (WorkloadReport) -> Void
    ) throws(CrashPointError) -> CrashPointReport {
        var report = CrashPointReport()
        for (index, name) in options.workloads.enumerated() {
            // What earlier ones left of their share goes to the later ones.
            let share = (options.imageCountMax - report.imageCount) / (options.workloads.count - index)
            let workload = try Workload.named(name)
            let one = try run(workload, options, imageCountMax: max(1, share))
            report.workloads.append(one)
            progress(one)
        }
        return report
    }

    /// Builds one image again from a recording that was kept, and looks at it.
    ///
    /// - Parameters:
    ///   - name: The image's name in the line of a violation.
    ///   - recording: The path of the recording.
    ///   - directory: Where to leave the image; made here.
    /// - Returns: What is wrong with it, or nil.
    package static func rebuild(
        image name: String, recording: String, keepingIn directory: String, _ options: CrashPointOptions
    ) throws(CrashPointError) -> RebuiltImage {
        let name = try ImageName(parsing: name)
        let workload = try Workload.named(name.workload)
        let recording = try Recording(parsing: RawFile.contents(recording))
        let enumeration = try Enumeration(
            workload: workload.name, recording, subjects: workload.subjects, limits: EnumerationLimits(imageCountMax: 1)
        )
        return try withScratch(options) { scratch throws(CrashPointError) in
            let judge = try CheckingJudge(command: options.checkerCommand, directory: scratch + "/images")
            let rebuilt = try enumeration.rebuild(name, judge)
            try RawFile.makeDirectory(directory)
            if let bytes = rebuilt.bytes { try RawFile.replace("\(directory)/\(Subject.dataFileName)", bytes) }
            return rebuilt
        }
    }

    private static func run(
        _ workload: Workload, _ options: CrashPointOptions, imageCountMax: Int
    ) throws(CrashPointError) -> WorkloadReport {
        try withScratch(options) { scratch throws(CrashPointError) in
            let start = ContinuousClock.now
            var recording = try Recorder.record(workload, options.commands, scratch: scratch + "/run")
            if let fault = options.fault { recording = recording.with(fault) }
            let limits = EnumerationLimits(
                imageCountMax: imageCountMax, fullCheckInterval: options.fullCheckInterval, seed: options.seed,
                violationCountMax: options.violationCountMax)
            let enumeration = try Enumeration(
                workload: workload.name, recording, subjects: workload.subjects, limits: limits)
            let found = try run(enumeration, options, scratch)
            let kept = found.violationCount == 0 ? nil : try keep(recording, workload.name, options)
            let (seconds, attoseconds) = (ContinuousClock.now - start).components
            return WorkloadReport(
                name: workload.name, operationCount: recording.operations.count,
                crashPointCount: found.crashPointCount, exhaustiveWindowCount: found.exhaustiveWindowCount,
                imageCount: found.imageCount, openedFullyCount: found.openedFullyCount,
                violationCount: found.violationCount, violations: found.violations, recording: kept,
                seconds: Double(seconds) + Double(attoseconds) / 1e18)
        }
    }

    private static func run(
        _ enumeration: Enumeration, _ options: CrashPointOptions, _ scratch: String
    ) throws(CrashPointError) -> EnumerationResult {
        let command = options.checkerCommand
        let failure = Mutex<CrashPointError?>(nil)
        DispatchQueue.concurrentPerform(iterations: max(1, options.workerCount)) { number in
            do throws(CrashPointError) {
                enumeration.run(try CheckingJudge(command: command, directory: "\(scratch)/images-\(number)"))
            } catch {
                failure.withLock { $0 = error }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        return try enumeration.result()
    }

    private static func keep(
        _ recording: Recording, _ name: String, _ options: CrashPointOptions
    ) throws(CrashPointError) -> String? {
        guard let directory = options.keepDirectory else { return nil }
        try RawFile.makeDirectory(directory)
        let path = "\(directory)/\(name).recording"
        try RawFile.replace(path, recording.encoded)
        return path
    }

    /// Runs the closure with a new directory, which is removed afterwards.
    private static func withScratch<Result>(
        _ options: CrashPointOptions, _ body: (String) throws(CrashPointError) -> Result
    ) throws(CrashPointError) -> Result {
        let memory = "/dev/shm"
        let isThere = FileManager.default.isWritableFile(atPath: memory)
        let parent = options.imageDirectory ?? (isThere ? memory : FileManager.default.temporaryDirectory.path)
        let path = "\(parent)/fastx-crash-points-\(UInt32.random(in: 0...UInt32.max))"
        try RawFile.makeDirectory(path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }
}

extension CrashPointOptions {
    fileprivate var checkerCommand: [String] { [commands.program] + commands.checkerArguments }
}
