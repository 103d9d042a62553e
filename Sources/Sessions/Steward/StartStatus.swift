// Tells the foreground part of `link --detach` how the start went.
import Glibc
import OperatingSystem
import Synchronization

/// A pipe to whoever started this process, used once; or nothing.
final class StartStatus: Sendable {
    /// Names the variable with the pipe's descriptor.
    static let variable = "FASTX_STATUS_FD"
    private static let connectedWord = "connected"
    private static let runningWord = "running"

    private let pipe: Mutex<OwnedDescriptor?>

    init(_ environment: [String: String]) {
        let raw = environment[Self.variable].flatMap { CInt($0) }
        let isPipe = raw.map { $0 > 2 && fcntl($0, F_SETFD, FD_CLOEXEC) == 0 } ?? false
        pipe = Mutex(isPipe ? raw.map { OwnedDescriptor(adopting: $0) } : nil)
    }

    func tellConnected() { _ = tell(Self.connectedWord) }

    /// Another steward serves the user already.
    func tellRunning() { _ = tell(Self.runningWord) }

    /// `true` when somebody was waiting for it.
    func tellOnce(problem: String) -> Bool {
        tell("failed " + problem.split(whereSeparator: \.isNewline).joined(separator: " "))
    }

    private func tell(_ line: String) -> Bool {
        let pipe = pipe.withLock { pipe in
            defer { pipe = nil }
            return pipe
        }
        // Whoever waited may have gone: then nobody is to be told.
        return (try? pipe?.write((line + "\n").utf8, subject: "the start's status")) != nil
    }

    /// What the foreground part makes of what was told; `nil` for success.
    static func problem(in bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        switch text {
        case connectedWord, runningWord: return nil
        case "": return "it ended before it had connected"
        default: return text.hasPrefix("failed ") ? String(text.dropFirst(7)) : text
        }
    }
}
