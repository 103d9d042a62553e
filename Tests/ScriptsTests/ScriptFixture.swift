// Processes of scripts by way of the real program, each with a main script of a test's own.
import Foundation
import Glibc
import OperatingSystem
import Scripts
import TestSupport
import Testing

/// The program that plays the guard, and Node.
enum ScriptPrograms {
    /// `FASTX_AGENT`, or what `make build` makes; `nil` where there is neither.
    static let agent: String? = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path =
            ProcessInfo.processInfo.environment["FASTX_AGENT"]
            ?? root.appendingPathComponent(".build/release/fastx-agent").path
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }()

    static let node = ProcessInfo.processInfo.environment["FASTX_NODE"] ?? "/usr/bin/node"
}

/// A folder with a main script, and with what stands in for Node.
final class ScriptFixture: Sendable {
    /// More than anything here takes on a loaded host.
    static let patience: Duration = .seconds(60)

    let directory: TemporaryDirectory
    private let program: String

    /// Keeps the folder until the test is over: a script is read after its process has started.
    static func with(_ main: String = "", _ test: (ScriptFixture) async throws -> Void) async throws {
        let fixture = try ScriptFixture(main)
        defer { withExtendedLifetime(fixture) {} }
        try await test(fixture)
    }

    private init(_ main: String) throws {
        program = try #require(ScriptPrograms.agent, "fastx-agent is not built: make build")
        directory = try TemporaryDirectory()
        try write(main, to: "main.js")
    }

    @discardableResult
    func write(_ text: String, to name: String, mode: mode_t = 0o600) throws -> String {
        let path = "\(directory.path)/\(name)"
        try FileModes.writePrivateFile(path, bytes: Array(text.utf8), overwriting: true)
        try #require(unsafe chmod(path, mode) == 0)
        return path
    }

    func start(
        _ kind: ScriptKind = .placement, node: String = ScriptPrograms.node, memoryMiB: Int = 64,
        arguments: [String] = []
    ) async throws -> ScriptProcess {
        try await ScriptProcess.start(
            ScriptPlan(kind: kind, node: node, memoryMiB: memoryMiB),
            through: .child(program: program, arguments: ["--main", "\(directory.path)/main.js"] + arguments))
    }

    /// A process for a pool.
    func started(_ limits: ScriptLimits) async throws(ScriptStartError) -> ScriptProcess {
        try await ScriptProcess.start(
            ScriptPlan(kind: .placement, node: limits.node, memoryMiB: limits.memoryMiB),
            through: .child(program: program, arguments: ["--main", "\(directory.path)/main.js"]))
    }

    /// Why a Node is refused.
    func refusal(of node: String) async throws -> String {
        do {
            _ = try await start(node: node)
        } catch ScriptStartError.refused(let sentence) {
            return sentence
        }
        Issue.record("\(node) was taken")
        return ""
    }
}

extension ScriptProcess {
    /// What the process has written to its descriptor 0, up to the first line's end; or to its end.
    func line() async throws -> String {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1_024)
        while !all.contains(UInt8(ascii: "\n")) {
            await Readiness.untilReadable(data)
            guard let count = try data.read(into: &chunk) else { continue }
            if count == 0 { break }
            all.append(contentsOf: chunk.prefix(count))
        }
        return String(decoding: all.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
