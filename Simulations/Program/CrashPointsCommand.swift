// Every state that a power cut could leave the store's files in, rebuilt and opened.
import ArgumentParser
import CrashPoints
import Foundation

struct CrashPointsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crash-points",
        abstract: "Records what the store writes, rebuilds what a power cut could leave of it, and opens every image.")

    @Option(help: "Only this workload; all of them unless given.")
    var workload: String?

    @Option(help: "How many images at most, over all workloads.")
    var imageCountMax = 1_200_000

    @Option(help: "The seed that samples are drawn from where there are too many images to make all.")
    var seed: UInt64 = 1

    @Option(help: "The library that \"scripts/build-storage-shim\" makes.")
    var shim = ".build/storage-shim.so"

    @Option(help: "Keep recordings with violations in this directory, so that \"--image\" can rebuild them.")
    var keep: String?

    @Option(help: "Rebuild this image of a kept recording, named as in a violation, and say what is wrong with it.")
    var image: String?

    @Option(help: "The kept recording that the image is of.")
    var recording: String?

    @Option(help: "Pretend that the store made a mistake; then violations must be found.")
    var mistake: String?

    @Flag(help: "Print nothing but a line of JSON.")
    var json = false

    func validate() throws {
        if let workload, !CrashPointSimulation.workloadNames.contains(workload) {
            let names = CrashPointSimulation.workloadNames.joined(separator: ", ")
            throw ValidationError("There is no workload \"\(workload)\". There are: \(names).")
        }
        if let mistake, RecordingFault(rawValue: mistake) == nil {
            let names = RecordingFault.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("There is no mistake \"\(mistake)\". There are: \(names).")
        }
        if (image == nil) != (recording == nil) {
            throw ValidationError("--image and --recording go together: which image, and of which kept recording.")
        }
    }

    func run() throws {
        guard FileManager.default.fileExists(atPath: shim) else {
            throw ValidationError("There is no \(shim): run scripts/build-storage-shim first.")
        }
        var options = CrashPointOptions(
            commands: ChildCommands(shim: URL(fileURLWithPath: shim).standardizedFileURL.path))
        if let workload { options.workloads = [workload] }
        options.imageCountMax = imageCountMax
        options.seed = seed
        options.keepDirectory = keep
        options.fault = mistake.flatMap { RecordingFault(rawValue: $0) }
        if let image, let recording { return try rebuild(image, of: recording, options) }
        let report = try CrashPointSimulation.run(options) { workload in
            guard !json else { return }
            print(workload)
            for violation in workload.violations { print("  \(violation.image) \(violation.reason)") }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if !json { print("\(report.imageCount) images, \(report.violationCount) violations") }
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
        if (report.violationCount > 0) != (mistake != nil) { throw ExitCode(1) }
    }

    private func rebuild(_ image: String, of recording: String, _ options: CrashPointOptions) throws {
        let rebuilt = try CrashPointSimulation.rebuild(
            image: image, recording: recording, keepingIn: keep ?? ".", options)
        print("\(rebuilt.result): \(rebuilt.fault ?? "nothing is wrong with it")")
    }
}

struct CrashWorkloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crash-workload", abstract: "Runs one workload, for \"crash-points\".", shouldDisplay: false)

    @Argument var name: String
    @Argument var directory: String

    func run() async throws { try await CrashPointSimulation.runWorkload(named: name, directory: directory) }
}

struct CrashCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crash-check", abstract: "Opens images, for \"crash-points\".", shouldDisplay: false)

    func run() async throws { try await CrashPointSimulation.runChecker() }
}
