// Role: the lock that lets one daemon at a time use a directory.
internal import Glibc

/// An exclusive lock on a file, held from `init` to the end of this value's life, or of the process however it ends.
///
/// The file holds the pid of its holder and stays when the lock is released: to remove it would let two processes
/// lock two files of the same name.
struct LockFile: ~Copyable {
    let path: String
    private let descriptor: CInt

    /// Takes the lock at once or fails with `lockHeld`; it never waits.
    init(path: String) throws(HostError) {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FileModes.privateFileMode)
        guard descriptor >= 0 else { throw .systemCall(name: "open", subject: path, code: errno) }
        do {
            try Self.lock(descriptor, path: path)
        } catch {
            Self.release(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        // Nothing can be done about a failure here; the kernel drops the lock with the last descriptor in any case.
        _ = ftruncate(descriptor, 0)
        Self.release(descriptor)
    }

    /// Unlocks and closes. To close alone is not enough: a child that another thread has just forked has a copy of the
    /// descriptor until its exec, and with the copy the lock.
    private static func release(_ descriptor: CInt) {
        _ = flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    private static func lock(_ descriptor: CInt, path: String) throws(HostError) {
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            guard errno == EWOULDBLOCK else { throw .systemCall(name: "flock", subject: path, code: errno) }
            throw .lockHeld(path: path, pid: holder(try HostFile.bytes(of: descriptor, path: path)))
        }
        guard ftruncate(descriptor, 0) == 0 else {
            throw .systemCall(name: "ftruncate", subject: path, code: errno)
        }
        try HostFile.write(Array("\(getpid())\n".utf8), to: descriptor, path: path)
    }

    /// The pid in a lock file; `nil` before its holder has written it whole, that is with its newline.
    static func holder(_ bytes: [UInt8]) -> Int32? {
        guard bytes.last == UInt8(ascii: "\n") else { return nil }
        return Int32(String(decoding: bytes.dropLast(), as: UTF8.self))
    }
}
