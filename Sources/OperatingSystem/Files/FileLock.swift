// A lock that ends with its process, whatever ends it: the kernel's `flock`.
package import Glibc

/// Holds a lock file as long as it lives. The file stays, with a text of its last holder.
package final class FileLock: Sendable {
    private let file: OwnedDescriptor
    private let path: String

    private init(file: OwnedDescriptor, path: String) {
        self.file = file
        self.path = path
    }

    /// Closing the file would do, but for a child of this process that is just being made and has the file too.
    deinit { flock(file.raw, LOCK_UN) }

    /// Takes the lock; `nil` when another process has it.
    package static func take(_ path: String) throws(SystemError) -> FileLock? {
        let file = try OwnedDescriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
        return try lock(file, LOCK_EX | LOCK_NB, path) ? FileLock(file: file, path: path) : nil
    }

    /// Takes the lock once whoever has it lets it go.
    @available(*, noasync, message: "blocks")
    package static func awaitAndTake(_ path: String) throws(SystemError) -> FileLock {
        let file = try OwnedDescriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
        _ = try lock(file, LOCK_EX, path)
        return FileLock(file: file, path: path)
    }

    private static func lock(_ file: OwnedDescriptor, _ operation: CInt, _ path: String) throws(SystemError) -> Bool {
        while flock(file.raw, operation) != 0 {
            if errno == EINTR { continue }
            if errno == EWOULDBLOCK { return false }
            throw .call(name: "flock", subject: path, code: errno)
        }
        return true
    }

    /// Writes what others may read of the holder.
    package func describe(_ text: String) throws(SystemError) {
        guard ftruncate(file.raw, 0) == 0, lseek(file.raw, 0, SEEK_SET) == 0 else {
            throw .call(name: "ftruncate", subject: path, code: errno)
        }
        try file.write(text.utf8, subject: path)
    }

    /// Whether another process holds the lock now.
    package static func isHeld(_ path: String) throws(SystemError) -> Bool {
        guard unsafe access(path, F_OK) == 0 else { return false }
        let file = try OwnedDescriptor.open(path, O_RDONLY | O_NOFOLLOW)
        // Shared, so that two who ask at the same time do not take each other for the holder.
        return try !lock(file, LOCK_SH | LOCK_NB, path)
    }

    /// What the last holder wrote; empty when there is none.
    package static func text(of path: String) throws(SystemError) -> String {
        String(decoding: try PrivateDirectory.readFile(path, byteCountMax: 4_096) ?? [], as: UTF8.self)
    }

    /// A descriptor of the process that holds a lock and wrote its id there; `nil` when nobody holds it.
    ///
    /// The lock is tried after the process was opened: while it is held its holder lives, so the id was the holder's.
    package static func holder(of path: String) throws(SystemError) -> (pid: pid_t, process: OwnedDescriptor)? {
        let line = try text(of: path).split(separator: "\n").first ?? ""
        guard let pid = pid_t(line), let process = try Kernel.openProcess(pid) else { return nil }
        return try isHeld(path) ? (pid, process) : nil
    }
}
