// The lock that keeps a second daemon out of a store's directory.
import Glibc

/// Held as long as this value lives. The file stays behind, with the process id of the last holder.
struct StoreLock: ~Copyable {
    private let file: FileDescriptor

    init(directory: String) throws(StoreError) {
        let file = try FileDescriptor(opening: directory + "/lock", O_RDWR | O_CREAT)
        guard flock(file.raw, LOCK_EX | LOCK_NB) == 0 else {
            if errno == EWOULDBLOCK { throw .inUse(pid: try Self.holder(file), directory: directory) }
            throw .file(operation: "lock", path: file.path, reason: systemReason(errno))
        }
        guard ftruncate(file.raw, 0) == 0 else {
            throw .file(operation: "shorten", path: file.path, reason: systemReason(errno))
        }
        let text = Array("\(getpid())\n".utf8)
        try file.write(unsafe text.span.bytes)
        self.file = file
    }

    /// Ends the lock.
    consuming func release() {}

    /// Closing the file would do, but for a child of this process that is just being made and has the file too.
    deinit { flock(file.raw, LOCK_UN) }

    private static func holder(_ file: borrowing FileDescriptor) throws(StoreError) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = try file.read(into: &bytes)
        return Int32(String(decoding: bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }
}
