// Makes, writes and checks the files that only the daemon's user may read.
import Glibc

/// Directories of mode 0700 and files of mode 0600.
package enum FileModes {
    /// Nobody but the owner may list or enter such a directory.
    package static let privateDirectoryMode: UInt32 = 0o700
    /// Nobody but the owner may read or write such a file.
    package static let privateFileMode: UInt32 = 0o600

    /// Makes a directory with mode 0700; one that is there already must be ours and private.
    ///
    /// The directory above it must exist.
    package static func makePrivateDirectory(_ path: String) throws(SystemError) {
        if unsafe mkdir(path, privateDirectoryMode) == 0 {
            try syncDirectory(parent(of: path))
            return
        }
        guard errno == EEXIST else { throw .call(name: "mkdir", subject: path, code: errno) }
        guard try FileStatus(path: path).isDirectory else { throw .notADirectory(path: path) }
        if let problem = checkPrivate(path: path) { throw problem }
    }

    /// Writes a whole file with mode 0600, so that after a crash there is the old file, the new one, or none, but
    /// never half of one.
    ///
    /// With `overwriting`, a file that is there is replaced (a symbolic link too: the link itself); without, it stays
    /// and the error is `alreadyExists`. With `isOfMember`, what root writes is given to the owner of the directory.
    package static func writePrivateFile(
        _ path: String, bytes: [UInt8], overwriting: Bool = false, isOfMember: Bool = true
    ) throws(SystemError) {
        let directory = parent(of: path)
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        let temporary = "\(directory)/.\(name).\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).tmp"
        do throws(SystemError) {
            try writeNewFile(temporary, bytes: bytes)
            if isOfMember { try giveToOwner(of: directory, temporary) }
            if overwriting {
                guard unsafe rename(temporary, path) == 0 else {
                    throw SystemError.call(name: "rename", subject: path, code: errno)
                }
            } else {
                // Unlike rename, link refuses a name that is taken, in one step.
                guard unsafe link(temporary, path) == 0 else {
                    throw errno == EEXIST
                        ? SystemError.alreadyExists(path: path)
                        : SystemError.call(name: "link", subject: path, code: errno)
                }
                unsafe unlink(temporary)
            }
        } catch {
            unsafe unlink(temporary)
            throw error
        }
        try syncDirectory(directory)
    }

    /// What root writes for a member belongs to the member's user, like the directory that it is in.
    private static func giveToOwner(of directory: String, _ path: String) throws(SystemError) {
        guard geteuid() == 0 else { return }
        var owner = stat()
        guard unsafe stat(directory, &owner) == 0 else { throw .call(name: "stat", subject: directory, code: errno) }
        guard unsafe lchown(path, owner.st_uid, owner.st_gid) == 0 else {
            throw .call(name: "lchown", subject: path, code: errno)
        }
    }

    /// Whether a file or directory is fit for secrets: it belongs to our user or to root, and to nobody else is it
    /// readable or writable. The error's text names the command that mends it.
    package static func checkPrivate(path: String) -> SystemError? {
        let found: FileStatus
        do {
            found = try FileStatus(path: path)
        } catch {
            return error
        }
        let user = geteuid()
        guard found.owner == user || found.owner == 0 else {
            return .wrongOwner(path: path, owner: found.owner, wanted: user)
        }
        guard found.mode & 0o077 == 0 else {
            let wanted = found.isDirectory ? privateDirectoryMode : privateFileMode
            return .wrongMode(path: path, mode: found.mode, wanted: wanted)
        }
        return nil
    }

    private static func writeNewFile(_ path: String, bytes: [UInt8]) throws(SystemError) {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
        let file = try OwnedDescriptor.open(path, flags, mode: privateFileMode)
        // The umask may have taken bits away.
        guard fchmod(file.raw, privateFileMode) == 0 else { throw .call(name: "fchmod", subject: path, code: errno) }
        try file.write(bytes, subject: path)
        guard fsync(file.raw) == 0 else { throw .call(name: "fsync", subject: path, code: errno) }
        // Some file systems tell of a full disk only now.
        guard close(file.take()) == 0 else { throw .call(name: "close", subject: path, code: errno) }
    }

    /// Makes the names in a directory durable.
    private static func syncDirectory(_ path: String) throws(SystemError) {
        let directory = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY)
        guard fsync(directory.raw) == 0 else { throw .call(name: "fsync", subject: path, code: errno) }
    }

    /// The directory that holds `path`; `.` for a bare name.
    package static func parent(of path: String) -> String {
        var rest = path[...]
        while rest.count > 1, rest.last == "/" { rest.removeLast() }
        guard let slash = rest.lastIndex(of: "/") else { return "." }
        return slash == rest.startIndex ? "/" : String(rest[..<slash])
    }
}
