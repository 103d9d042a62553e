// What is known about a file besides its content.
import Glibc

/// Mode, owner, length and kind of a file.
package struct FileStatus: Sendable, Hashable {
    /// Permission bits only.
    package let mode: UInt32
    /// The user id.
    package let owner: UInt32
    /// Of a regular file; it means nothing for other kinds.
    package let byteCount: Int
    /// Not a directory, pipe, socket or device.
    package let isRegularFile: Bool
    /// What a symbolic link leads to counts.
    package let isDirectory: Bool

    /// Follows symbolic links: what counts is the file that is read.
    package init(path: String) throws(SystemError) {
        var found = stat()
        guard unsafe stat(path, &found) == 0 else { throw .call(name: "stat", subject: path, code: errno) }
        self.init(found)
    }

    /// Of a file that is open; `path` is for the error.
    package init(of file: OwnedDescriptor, path: String) throws(SystemError) {
        var found = stat()
        guard unsafe fstat(file.raw, &found) == 0 else { throw .call(name: "fstat", subject: path, code: errno) }
        self.init(found)
    }

    /// Whether others than its owner may read or write the file. Pipes and terminals keep nothing that could be read.
    package var isFileOpenToOthers: Bool { isRegularFile && mode & 0o077 != 0 }

    private init(_ found: stat) {
        mode = found.st_mode & 0o7777
        owner = found.st_uid
        byteCount = Int(found.st_size)
        isRegularFile = found.st_mode & S_IFMT == S_IFREG
        isDirectory = found.st_mode & S_IFMT == S_IFDIR
    }
}
