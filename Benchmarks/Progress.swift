// Says on the terminal what a benchmark is doing.
import Foundation

enum Progress {
    /// A line on standard error, where standard error is a terminal.
    static func say(_ text: String) {
        guard isatty(STDERR_FILENO) == 1 else { return }
        FileHandle.standardError.write(Data("... \(text)\n".utf8))
    }
}

/// A directory that is gone when the benchmark is.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "fxb-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            Progress.say("\(path) was not removed: \(error)")
        }
    }
}

/// Runs a body and tells how long it took.
func measured(_ body: () async throws -> Void) async rethrows -> Double {
    let start = ContinuousClock.now
    try await body()
    return (ContinuousClock.now - start) / .seconds(1)
}
