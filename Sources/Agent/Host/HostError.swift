// Role: what can go wrong when the daemon deals with its host, in words that an administrator can act on.
internal import Glibc

/// Every error of this folder except those of certificates (`CertificateError`).
enum HostError: Error, Equatable, Sendable {
    /// A file could not be opened or read; `code` is the `errno`.
    case unreadable(path: String, code: CInt)
    /// A file was read, but its text is not what the kernel or this program writes there.
    case malformed(path: String, detail: String)
    /// A system call failed on `subject` (a path or the name of a setting); `code` is the `errno`.
    case systemCall(name: String, subject: String, code: CInt)
    /// A C function is not in this C library.
    case missingFunction(name: String)
    /// A file is there already and was not to be overwritten.
    case alreadyExists(path: String)
    /// Something other than a directory stands where a directory is needed.
    case notADirectory(path: String)
    /// A private file belongs to somebody else; both are user ids.
    case wrongOwner(path: String, owner: UInt32, wanted: UInt32)
    /// A private file is open to its group or to others; both are permission bits.
    case wrongMode(path: String, mode: UInt32, wanted: UInt32)
    /// `NOTIFY_SOCKET` holds something that is not an address of the readiness protocol.
    case notifyAddress(String)
}

extension HostError: CustomStringConvertible {
    var description: String {
        switch self {
        case .unreadable(let path, let code):
            "cannot read \(path): \(Self.text(of: code))\(Self.advice(for: code, path))"
        case .malformed(let path, let detail):
            "\(path) has an unexpected form: \(detail); please report this with the file's text"
        case .systemCall(let name, let subject, let code):
            "\(name) failed on \(subject): \(Self.text(of: code))\(Self.advice(for: code, subject))"
        case .missingFunction(let name):
            "this C library has no function \(name); run the program on Linux with glibc"
        case .alreadyExists(let path):
            "\(path) exists already and is not overwritten; move it away first: "
                + "mv \(path.quoted) \((path + ".old").quoted)"
        case .notADirectory(let path):
            "\(path) is not a directory; move it away or choose another directory"
        case .wrongOwner(let path, let owner, let wanted):
            "\(path) belongs to user \(owner) and must belong to user \(wanted), as whom this program runs; "
                + "run: chown \(wanted) \(path.quoted)"
        case .wrongMode(let path, let mode, let wanted):
            "\(path) has mode \(Self.octal(mode)), open to other users, and must have \(Self.octal(wanted)); "
                + "run: chmod \(Self.octal(wanted)) \(path.quoted)"
        case .notifyAddress(let value):
            "NOTIFY_SOCKET is '\(value)', which is neither an absolute path nor an abstract name ('@...') of at most "
                + "\(ServiceNotifier.addressBytesMax) bytes; start the program with systemd, or without this variable"
        }
    }

    /// The C library's words for an `errno`.
    private static func text(of code: CInt) -> String {
        // Safe in threads: glibc keeps the text in constants, or in the calling thread for an unknown number.
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }

    private static func advice(for code: CInt, _ subject: String) -> String {
        switch code {
        case EACCES, EPERM: "; check owner and mode, and as which user the program runs"
        case ENOENT: "; check that \(subject) and the directories above it exist"
        case ENOSPC, EDQUOT: "; free some space on that file system"
        case EROFS: "; the file system is read-only: remount it writable or choose another directory"
        case EMFILE, ENFILE: "; raise the limit of open files (ulimit -n, LimitNOFILE= in systemd)"
        default: ""
        }
    }

    private static func octal(_ mode: UInt32) -> String {
        let digits = String(mode & 0o7777, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

extension String {
    /// The text as one word of a shell command: bare when it is harmless, else in single quotes.
    fileprivate var quoted: String {
        let harmless =
            !isEmpty
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: ":"), UInt8(ascii: "@"):
                    true
                default: false
                }
            }
        return harmless
            ? self : "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
