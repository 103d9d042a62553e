// A file descriptor with an owner: the system calls that configuration files need.

private import Glibc

/// A failed system call, with what it was for.
struct SystemCallError: Error, Sendable, Equatable {
    /// Such as `open`, `rename`.
    let operation: String
    let code: Int32

    var reason: String { unsafe String(cString: strerror(code)) }
    var isNoSuchFile: Bool { code == ENOENT }

    /// Takes the code of the call that has just failed.
    init(last operation: String) {
        self.operation = operation
        self.code = errno
    }
}

/// What is known about a file besides its content.
struct FileStatus: Sendable, Equatable {
    let mode: UInt32
    let owner: UInt32
    let byteCount: Int
    let isRegularFile: Bool

    /// Follows symbolic links: what counts is the file that is read.
    init(path: String) throws(SystemCallError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw SystemCallError(last: "examine") }
        self.init(status)
    }

    /// Of a file that is open.
    init(descriptor: Int32) throws(SystemCallError) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw SystemCallError(last: "examine") }
        self.init(status)
    }

    /// Whether others than its owner may read or write the file. Pipes and terminals keep nothing that could be read.
    var isFileOpenToOthers: Bool { isRegularFile && mode & 0o077 != 0 }

    private init(_ status: stat) {
        mode = status.st_mode & 0o7777
        owner = status.st_uid
        byteCount = Int(status.st_size)
        isRegularFile = status.st_mode & S_IFMT == S_IFREG
    }
}

/// A file open for reading, closed when its owner is done.
struct OwnedDescriptor: ~Copyable {
    private let descriptor: Int32

    deinit {
        _ = close(descriptor)
    }

    private init(_ descriptor: Int32, operation: String) throws(SystemCallError) {
        guard descriptor >= 0 else { throw SystemCallError(last: operation) }
        self.descriptor = descriptor
    }

    /// Opens a file for reading. A pipe or device is opened without waiting, so that its status can be read.
    static func openForReading(_ path: String) throws(SystemCallError) -> OwnedDescriptor {
        try OwnedDescriptor(unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), operation: "open")
    }

    func status() throws(SystemCallError) -> FileStatus { try FileStatus(descriptor: descriptor) }

    /// Reads to the end, but not more than `byteCountMax` bytes.
    func read(byteCountMax: Int) throws(SystemCallError) -> [UInt8] {
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while content.count < byteCountMax {
            let wanted = min(chunk.count, byteCountMax - content.count)
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress, wanted)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemCallError(last: "read") }
            if count == 0 { break }
            content.append(contentsOf: chunk.prefix(count))
        }
        return content
    }
}
