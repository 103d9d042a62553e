// A session's log file: what its programs print and what the supervisor notes, with a limit.
import Glibc
import OperatingSystem

/// Writes to `log`; when it has grown to half of the limit it becomes `log.1`, in place of an older one. So the end is
/// kept, and at least half of the limit of it.
struct SessionLog: ~Copyable {
    /// Of both files together.
    static let bytesMax = 8 << 20

    private let directory: SessionDirectory
    private var file: OwnedDescriptor
    private var byteCount: Int

    init(_ directory: SessionDirectory) throws(SystemError) {
        self.directory = directory
        file = try OwnedDescriptor.open(directory.logFile, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW)
        byteCount = max(0, Int(lseek(file.raw, 0, SEEK_END)))
    }

    /// A line of the supervisor's own.
    mutating func note(_ line: String) {
        append(Array("fastx: \(line)\n".utf8))
    }

    /// A full disk must not end the session, so that what cannot be written is lost.
    mutating func append(_ bytes: [UInt8]) {
        if byteCount + bytes.count > Self.bytesMax / 2 { rotate() }
        byteCount += bytes.count
        try? file.write(bytes, subject: directory.logFile)
    }

    private mutating func rotate() {
        guard unsafe rename(directory.logFile, directory.olderLogFile) == 0,
            let next = try? OwnedDescriptor.open(directory.logFile, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW)
        else {
            // Without a new file the old one is begun again.
            _ = ftruncate(file.raw, 0)
            byteCount = 0
            return
        }
        file = next
        byteCount = 0
    }

    /// The older and the newer file as one, with a line that says so when the beginning is not there any more.
    static func contents(_ directory: SessionDirectory) throws(SystemError) -> [UInt8] {
        let newer = try PrivateDirectory.readFile(directory.logFile, byteCountMax: bytesMax) ?? []
        guard let older = try PrivateDirectory.readFile(directory.olderLogFile, byteCountMax: bytesMax) else {
            return newer
        }
        return Array("fastx: this log was over \(bytesMax) bytes long; its beginning is not kept\n".utf8) + older
            + newer
    }
}

/// The last lines of a program's output, for the reason of a failure.
package struct LastLines {
    private static let byteCountMax = 4_096
    private static let lineCountMax = 5
    private static let shownCountMax = 1_000
    private var bytes: [UInt8] = []

    /// No output yet.
    package init() {}

    /// Takes what comes next, in parts of any length. All but the end is forgotten.
    package mutating func append(_ more: [UInt8]) {
        bytes.append(contentsOf: more.suffix(Self.byteCountMax))
        if bytes.count > 2 * Self.byteCountMax { bytes.removeFirst(bytes.count - Self.byteCountMax) }
    }

    /// In one line, without control characters.
    package var text: String {
        let lines = String(decoding: bytes.suffix(Self.byteCountMax), as: UTF8.self)
            .split(whereSeparator: \.isNewline)
            .map { $0.filter { $0 >= " " } }
            .filter { line in line.contains { $0 != " " } }
        return String(lines.suffix(Self.lineCountMax).joined(separator: " | ").suffix(Self.shownCountMax))
    }
}
