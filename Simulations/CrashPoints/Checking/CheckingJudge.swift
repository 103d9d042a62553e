// Judges images with the real store in a child process, which may die of an image and is replaced then.
import Foundation

/// One child with a directory of its own.
package final class CheckingJudge: ImageJudge {
    private let command: [String]
    private let directory: String
    private var checker: CheckerProcess?
    private var mirrors: [Int: FileMirror] = [:]
    private var directoryCount = 0

    /// - Parameters:
    ///   - command: What to start as the child, with its arguments.
    ///   - directory: Where to keep images; made here, removed at the end. Best in memory.
    package init(command: [String], directory: String) throws(CrashPointError) {
        self.command = command
        self.directory = directory
        try RawFile.makeDirectory(directory)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    package func judge(
        _ image: DiskImage, of file: Int, in window: FileWindow, kind: Subject.Kind, fully: Bool
    ) throws(CrashPointError) -> ImageResult {
        let mirror = try mirror(of: file)
        try mirror.show(image, of: window)
        let result = try ask(CheckRequest(directory: mirror.directory, kind: kind, fully: fully))
        // Whoever used the image has changed it.
        let isUntouched = if case .state = result { !fully } else { false }
        if !isUntouched { try discard(file) }
        return result
    }

    package func judgeAbsence(beside names: Set<String>?) throws(CrashPointError) -> ImageResult {
        let path = newDirectoryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        if let names {
            try RawFile.makeDirectory(path)
            var generator = SeededGenerator(seed: UInt64(names.count))
            for name in names.sorted() {
                try RawFile.replace("\(path)/\(name)", generator.bytes(generator.below(20_000)))
            }
        }
        return try ask(CheckRequest(directory: path, kind: .store, fully: true))
    }

    private func mirror(of file: Int) throws(CrashPointError) -> FileMirror {
        if let mirror = mirrors[file] { return mirror }
        let mirror = try FileMirror(directory: newDirectoryPath())
        mirrors[file] = mirror
        return mirror
    }

    private func newDirectoryPath() -> String {
        directoryCount += 1
        return "\(directory)/\(directoryCount)"
    }

    private func discard(_ file: Int) throws(CrashPointError) {
        guard let mirror = mirrors.removeValue(forKey: file) else { return }
        do {
            try FileManager.default.removeItem(atPath: mirror.directory)
        } catch {
            throw .file(operation: "remove", path: mirror.directory, reason: "\(error)")
        }
    }

    private func ask(_ request: CheckRequest) throws(CrashPointError) -> ImageResult {
        let asked: CheckerProcess
        if let checker { asked = checker } else { asked = try CheckerProcess(command) }
        let (result, isAlive) = try asked.ask(request)
        checker = isAlive ? asked : nil
        return relative(result)
    }

    /// The result without the directory's name, which is another one at each run.
    private func relative(_ result: ImageResult) -> ImageResult {
        if case .state = result { return result }
        return ImageResult(line: Self.shortened(result.line, directory)) ?? result
    }

    /// Replaces the directory and the number below it.
    private static func shortened(_ line: String, _ directory: String) -> String {
        var parts = line.components(separatedBy: directory + "/")
        for index in parts.indices.dropFirst() { parts[index] = String(parts[index].drop { $0.isNumber }) }
        return parts.joined(separator: "<image>")
    }
}
