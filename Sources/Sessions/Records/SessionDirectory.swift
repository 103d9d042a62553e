// The directory of one session, and who writes which of its files.
import Glibc
import OperatingSystem

/// `<state>/<server id>/<session id>/`, mode 0700.
///
/// Each file has one writer, so that none is written by two processes at a time:
/// `start.json` by the steward before it starts the supervisor, `link.json` by the steward afterwards,
/// everything else by whoever holds `lock`, which is the supervisor as long as it lives.
struct SessionDirectory: Hashable, Sendable {
    let path: String

    var id: String { String(path.split(separator: "/").last ?? "") }
    /// What was asked for: `SessionPlan`.
    var planFile: String { path + "/start.json" }
    /// What became of it: `SupervisorRecord`.
    var recordFile: String { path + "/session.json" }
    /// Its name and its viewers: `StewardRecord`.
    var stewardFile: String { path + "/link.json" }
    /// Held by the supervisor from its first moment to its last.
    var lockFile: String { path + "/lock" }
    var logFile: String { path + "/log" }
    /// Older lines, once `logFile` has grown too long.
    var olderLogFile: String { path + "/log.1" }
    var authorityFile: String { path + "/Xauthority" }
    /// A FIFO that the window manager opens once it manages windows.
    var managerFile: String { path + "/manager" }
    /// Makes `managerFile` and opens it for reading; its end comes when a writer has come and gone.
    func makeManagerFile() throws(SystemError) -> OwnedDescriptor {
        unsafe unlink(managerFile)
        guard unsafe mkfifo(managerFile, 0o600) == 0 else {
            throw .call(name: "mkfifo", subject: managerFile, code: errno)
        }
        return try OwnedDescriptor.open(managerFile, O_RDONLY | O_NONBLOCK)
    }

    /// Name of `recordFile` in the directory, for who watches it.
    static let recordName = "session.json"
}

/// What the steward tells the supervisor.
struct SessionPlan: Codable, Hashable, Sendable {
    var id: String
    var start: SessionStart
    /// Milliseconds since 1970.
    var created: UInt64
    /// Where the display's RFB server listens.
    var displaySocket: String
    /// The user's own mask for new files; the supervisor's files are private whatever it says.
    var fileModeMask: UInt32
    /// The user's own limit of open files, where the steward inherited another one from the agent.
    var openFilesMax: UInt64?
}

/// What the supervisor tells.
package struct SupervisorRecord: Codable, Hashable, Sendable {
    /// What has become of the session so far.
    package var state: SessionState
    /// Why it failed; `nil` unless it did.
    package var reason: String?
    /// The command's, as a shell tells it; `nil` until it has ended.
    package var exitStatus: Int32?
    /// In milliseconds since 1970; `nil` as long as it lives.
    package var ended: UInt64?
    /// Such as ":2"; `nil` until it is ready.
    package var display: String?

    /// What holds before the supervisor has written anything.
    package static let starting = SupervisorRecord(state: .starting)
}

/// What the steward keeps.
struct StewardRecord: Codable, Hashable, Sendable {
    var name: String
    var clients = 0
    var lastConnect: UInt64?
    var lastDisconnect: UInt64?
}

extension SessionDirectory {
    /// `nil` when there is no such file.
    static func read<Value: Decodable>(_ type: Value.Type, _ path: String) throws(SystemError) -> Value? {
        guard let bytes = try PrivateDirectory.readFile(path) else { return nil }
        do throws(SystemError) {
            return try MessageCoding.decode(type, bytes)
        } catch .malformed(_, let detail) {
            throw .malformed(subject: path, detail: detail)
        }
    }

    static func write(_ value: some Encodable, _ path: String) throws(SystemError) {
        try PrivateDirectory.replaceFile(path, with: try MessageCoding.encode(value))
    }
}
