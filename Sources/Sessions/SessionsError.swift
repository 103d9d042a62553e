// What can go wrong with sockets, files and processes, in words that an administrator or a user can act on.
package import Glibc

/// Every error of this module that does not travel between an agent and a link process (those are `LinkError`).
package enum SessionsError: Error, Hashable, Sendable {
    /// A system call failed on `subject`; `code` is the `errno`.
    case call(name: String, subject: String, code: Int32)
    /// This C library lacks a function.
    case missingFunction(name: String)
    /// A file or directory that must be private is not.
    case notPrivate(path: String, detail: String)
    /// A Unix socket's path does not fit into its address.
    case socketPathTooLong(path: String)
    /// Something listens at a path already.
    case socketInUse(path: String)
    /// The process at the other end of a socket runs as another user than it has to.
    case wrongPeer(path: String, uid: uid_t, wanted: uid_t)
    /// A packet is larger than `PacketSocket.packetBytesMax`, or empty.
    case packetSize(bytes: Int)
    /// A received packet breaks the rules of `PacketSocket`.
    case brokenPacket(detail: String)
    /// The other end does not read what it is sent.
    case peerTooSlow
    /// The connection was closed.
    case closed
    /// A file or a message is not what this program writes.
    case malformed(subject: String, detail: String)
    /// A program is not installed.
    case missingProgram(name: String, advice: String)
    /// There is no such user on this host.
    case unknownUser(String)
    /// Something did not happen in time.
    case timedOut(what: String, limit: Duration)
}

extension SessionsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .call(let name, let subject, let code):
            "\(name) failed on \(subject): \(SystemText.reason(code))\(Self.advice(code))"
        case .missingFunction(let name):
            "this C library has no function \(name); run the program on Linux with glibc 2.34 or newer"
        case .notPrivate(let path, let detail):
            "\(path) \(detail)"
        case .socketPathTooLong(let path):
            "\(path) is too long for a Unix socket, which has \(UnixAddress.pathBytesMax) bytes; choose a shorter directory"
        case .socketInUse(let path):
            "another process answers at \(path); end it or choose another path"
        case .wrongPeer(let path, let uid, let wanted):
            "the process at \(path) runs as user \(uid) and must run as user \(wanted); nothing was sent to it"
        case .packetSize(let bytes):
            "a packet of \(bytes) bytes cannot be sent: 1 to \(PacketSocket.packetBytesMax) are possible"
        case .brokenPacket(let detail):
            "a packet was refused: \(detail)"
        case .peerTooSlow:
            "the other end does not read its packets; the connection was closed"
        case .closed:
            "the connection is closed"
        case .malformed(let subject, let detail):
            "\(subject) has an unexpected form: \(detail)"
        case .missingProgram(let name, let advice):
            "\(name) is not installed on this host; \(advice)"
        case .unknownUser(let name):
            "this host has no user \(name)"
        case .timedOut(let what, let limit):
            "\(what) took longer than \(limit)"
        }
    }

    private static func advice(_ code: Int32) -> String {
        switch code {
        case EACCES, EPERM: "; check owner and mode, and as which user the program runs"
        case ENOSPC, EDQUOT: "; free some space on that file system"
        case EROFS: "; the file system is read-only"
        case EMFILE, ENFILE: "; raise the limit of open files (ulimit -n, LimitNOFILE= in systemd)"
        case EAGAIN: "; raise the limit of processes (ulimit -u, TasksMax= in systemd)"
        default: ""
        }
    }
}

/// The C library's words.
enum SystemText {
    static func reason(_ code: Int32) -> String {
        // Safe in threads: glibc keeps the text in constants, or in the calling thread for an unknown number.
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}
