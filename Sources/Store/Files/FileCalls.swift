// System calls on files, each checked.
import Glibc

/// The text of a system error.
func systemReason(_ code: Int32) -> String {
    unsafe String(cString: strerror(code))
}

/// A file descriptor that closes itself.
struct FileDescriptor: ~Copyable {
    let raw: Int32
    let path: String

    init(opening path: String, _ flags: Int32, mode: mode_t = 0o600) throws(StoreError) {
        let raw = unsafe Glibc.open(path, flags | O_CLOEXEC, mode)
        guard raw >= 0 else {
            if errno == EEXIST { throw .targetExists(path: path) }
            throw .file(operation: "open", path: path, reason: systemReason(errno))
        }
        self.raw = raw
        self.path = path
    }

    init(adopting raw: Int32, path: String) {
        self.raw = raw
        self.path = path
    }

    deinit { Glibc.close(raw) }

    /// Returns once the contents are on the disk.
    func synchronize() throws(StoreError) {
        guard fsync(raw) == 0 else { throw .file(operation: "sync", path: path, reason: systemReason(errno)) }
    }

    func write(_ bytes: borrowing RawSpan) throws(StoreError) {
        var offset = 0
        while offset < bytes.byteCount {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(raw, buffer.baseAddress.map { unsafe $0 + offset }, buffer.count - offset)
            }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == ENOSPC || errno == EDQUOT { throw .diskFull(operation: "write \(path)") }
                throw .file(operation: "write", path: path, reason: systemReason(errno))
            }
            offset += count
        }
    }

    /// Reads up to the buffer's length; 0 at the end.
    func read(into buffer: inout [UInt8]) throws(StoreError) -> Int {
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(raw, $0.baseAddress, $0.count) }
            if count >= 0 { return count }
            if errno != EINTR { throw .file(operation: "read", path: path, reason: systemReason(errno)) }
        }
    }
}

enum FileCalls {
    /// Makes a directory with mode 0700 where there is none, durably; its parent exists.
    static func makeDirectory(_ path: String) throws(StoreError) {
        if unsafe mkdir(path, 0o700) == 0 { return try synchronizeDirectory(parent(of: path)) }
        if errno == EEXIST { return }
        throw .file(operation: "make the directory", path: path, reason: systemReason(errno))
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    static func byteCount(_ path: String) throws(StoreError) -> Int {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw .file(operation: "read the size of", path: path, reason: systemReason(errno))
        }
        return Int(status.st_size)
    }

    static func remove(_ path: String) throws(StoreError) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw .file(operation: "remove", path: path, reason: systemReason(errno))
        }
    }

    /// The directory that a path lies in.
    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Returns once the names in a directory are on the disk.
    private static func synchronizeDirectory(_ path: String) throws(StoreError) {
        try FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY).synchronize()
    }

    /// Gives a file its final name, durably. Without `replacing` an existing file stays and is an error.
    static func rename(_ source: String, to target: String, replacing: Bool) throws(StoreError) {
        // A link refuses a name that is taken, where `rename` would silently replace what is there.
        let status = unsafe replacing ? Glibc.rename(source, target) : link(source, target)
        guard status == 0 else {
            if errno == EEXIST { throw .targetExists(path: target) }
            throw .file(operation: "rename \(source) to", path: target, reason: systemReason(errno))
        }
        do throws(StoreError) {
            if !replacing { try remove(source) }
            try synchronizeDirectory(parent(of: target))
        } catch {
            // A new file that was not made durably is not left: the name would be taken when it is tried again.
            if !replacing { _ = try? remove(target) }
            throw error
        }
    }
}
