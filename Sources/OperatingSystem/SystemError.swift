// What can go wrong with files, sockets, processes and this host, in words that an administrator or a user can act on.
package import Glibc

/// Every error of this module.
package enum SystemError: Error, Hashable, Sendable {
    /// A system call failed on `subject`, a path or the name of a thing; `code` is the `errno`.
    case call(name: String, subject: String, code: Int32)
    /// A file could not be opened or read; `code` is the `errno`.
    case unreadable(path: String, code: Int32)
    /// This C library lacks a function.
    case missingFunction(name: String)
    /// A file or directory that must be private is not.
    case notPrivate(path: String, detail: String)
    /// A private file belongs to somebody else; both are user ids.
    case wrongOwner(path: String, owner: UInt32, wanted: UInt32)
    /// A private file is open to its group or to others; both are permission bits.
    case wrongMode(path: String, mode: UInt32, wanted: UInt32)
    /// A file is there already and was not to be overwritten.
    case alreadyExists(path: String)
    /// Something other than a directory stands where a directory is needed.
    case notADirectory(path: String)
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
    /// A file of the kernel's was read, but its text is not what is expected there.
    case unexpectedText(path: String, detail: String)
    /// A program is not installed.
    case missingProgram(name: String, advice: String)
    /// There is no such user on this host.
    case unknownUser(String)
    /// Something did not happen in time.
    case timedOut(what: String, limit: Duration)
    /// `NOTIFY_SOCKET` holds something that is not an address of the readiness protocol.
    case notifyAddress(String)
}

extension SystemError: CustomStringConvertible {
    /// What failed, on what, why, and what to do where that is known, in one line.
    package var description: String {
        switch self {
        case .call(let name, let subject, let code):
            "\(name) failed on \(subject): \(SystemText.reason(code))\(Self.advice(code, subject))"
        case .unreadable(let path, let code):
            "cannot read \(path): \(SystemText.reason(code))\(Self.advice(code, path))"
        case .missingFunction(let name):
            "this C library has no function \(name); run the program on Linux with glibc 2.34 or newer"
        case .notPrivate(let path, let detail):
            "\(path) \(detail)"
        case .wrongOwner(let path, let owner, let wanted):
            "\(path) belongs to user \(owner) and must belong to user \(wanted), as whom this program runs; "
                + "run: chown \(wanted) \(ShellText.word(path))"
        case .wrongMode(let path, let mode, let wanted):
            "\(path) has mode \(Self.octal(mode)), open to other users, and must have \(Self.octal(wanted)); "
                + "run: chmod \(Self.octal(wanted)) \(ShellText.word(path))"
        case .alreadyExists(let path):
            "\(path) exists already and is not overwritten; move it away first: "
                + "mv \(ShellText.word(path)) \(ShellText.word(path + ".old"))"
        case .notADirectory(let path):
            "\(path) is not a directory; move it away or choose another directory"
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
        case .unexpectedText(let path, let detail):
            "\(path) has an unexpected form: \(detail); please report this with the file's text"
        case .missingProgram(let name, let advice):
            "\(name) is not installed on this host; \(advice)"
        case .unknownUser(let name):
            "this host has no user \(name)"
        case .timedOut(let what, let limit):
            "\(what) took longer than \(limit)"
        case .notifyAddress(let value):
            "NOTIFY_SOCKET is '\(value)', which is neither an absolute path nor an abstract name ('@...') of at most "
                + "\(ServiceNotifier.addressBytesMax) bytes; start the program with systemd, or without this variable"
        }
    }

    private static func advice(_ code: Int32, _ subject: String) -> String {
        switch code {
        case EACCES, EPERM: "; check owner and mode, and as which user the program runs"
        case ENOENT where subject.hasPrefix("/"): "; check that \(subject) and the directories above it exist"
        case ENOSPC, EDQUOT: "; free some space on that file system"
        case EROFS: "; the file system is read-only: remount it writable or choose another directory"
        case EMFILE, ENFILE: "; raise the limit of open files (ulimit -n, LimitNOFILE= in systemd)"
        case EAGAIN: "; raise the limit of processes (ulimit -u, TasksMax= in systemd)"
        default: ""
        }
    }

    private static func octal(_ mode: UInt32) -> String {
        let digits = String(mode & 0o7777, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

/// The C library's words.
package enum SystemText {
    /// What an `errno` means.
    package static func reason(_ code: Int32) -> String {
        // Safe in threads: glibc keeps the text in constants, or in the calling thread for an unknown number.
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}
