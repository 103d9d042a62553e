// ssh's questions on their way to the agent: a script that ssh calls, and the socket that it leads to.
import Glibc
import OperatingSystem

/// One attempt's private directory: ssh's helper and the socket that it asks at, both with names of this attempt only.
struct AskpassDirectory: Sendable {
    /// Names the variable with the socket's path.
    static let socketVariable = "FASTX_ASKPASS_SOCKET"

    let path: String
    var script: String { path + "/ask" }
    var socket: String { path + "/s" }

    /// - Parameters:
    ///   - parent: A private directory; made where it is missing.
    ///   - program: The absolute path of `fastx-agent`.
    init(in parent: String, program: String) throws(SystemError) {
        try PrivateDirectory.makeAll(parent)
        // 128 random bits would make the path too long for a socket's.
        path = parent + "/" + RandomText.make(byteCount: 8)
        try PrivateDirectory.make(path)
        do throws(SystemError) {
            try Self.refuseNoExec(path)
            // ssh calls the program with its question and nothing else.
            let text = "#!/bin/sh\nexec \(ShellText.word(program)) askpass \"$@\"\n"
            try PrivateDirectory.replaceFile(script, with: Array(text.utf8), mode: 0o700)
        } catch {
            remove()
            throw error
        }
    }

    private static func refuseNoExec(_ path: String) throws(SystemError) {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else { throw .call(name: "statvfs", subject: path, code: errno) }
        // ST_NOEXEC of <sys/statvfs.h>.
        guard status.f_flag & 8 == 0 else {
            throw .notPrivate(
                path: path,
                detail: "lies on a file system where nothing can be executed (noexec), which ssh's helper has to be; "
                    + "choose another directory")
        }
    }

    func remove() {
        // What is left behind holds no secret.
        try? PrivateDirectory.remove(path)
    }
}

/// What ssh's helper sends.
struct AskpassQuestion: Codable, Sendable {
    var prompt: String
    /// ssh's `SSH_ASKPASS_PROMPT`: empty where an answer is wanted, else a yes or no, or nothing at all.
    var kind: String
}

/// The first byte of what it gets; the answer follows.
enum AskpassAnswer {
    static let refused: UInt8 = 0
    static let given: UInt8 = 1
}
