// Role: makes, writes and checks the files that only the daemon's user may read.
internal import Glibc

/// Directories of mode 0700 and files of mode 0600.
enum FileModes {
    static let privateDirectoryMode: UInt32 = 0o700
    static let privateFileMode: UInt32 = 0o600

    /// Makes a directory with mode 0700; one that is there already must be ours and private.
    ///
    /// The directory above it must exist.
    static func makePrivateDirectory(_ path: String) throws(HostError) {
        if unsafe mkdir(path, privateDirectoryMode) == 0 {
            try syncDirectory(parent(of: path))
            return
        }
        guard errno == EEXIST else { throw .systemCall(name: "mkdir", subject: path, code: errno) }
        guard try status(of: path).isDirectory else { throw .notADirectory(path: path) }
        if let problem = checkPrivate(path: path) { throw problem }
    }

    /// Writes a whole file with mode 0600, so that after a crash there is the old file, the new one, or none, but
    /// never half of one.
    ///
    /// With `overwriting`, a file that is there is replaced (a symbolic link too: the link itself); without, it stays
    /// and the error is `alreadyExists`. With `isOfMember`, what root writes is given to the owner of the directory.
    static func writePrivateFile(
        _ path: String, bytes: [UInt8], overwriting: Bool = false, isOfMember: Bool = true
    ) throws(HostError) {
        let directory = parent(of: path)
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        let temporary = "\(directory)/.\(name).\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).tmp"
        do throws(HostError) {
            try writeNewFile(temporary, bytes: bytes)
            if isOfMember { try giveToOwner(of: directory, temporary) }
            if overwriting {
                guard unsafe rename(temporary, path) == 0 else {
                    throw HostError.systemCall(name: "rename", subject: path, code: errno)
                }
            } else {
                // Unlike rename, link refuses a name that is taken, in one step.
                guard unsafe link(temporary, path) == 0 else {
                    throw errno == EEXIST
                        ? HostError.alreadyExists(path: path)
                        : HostError.systemCall(name: "link", subject: path, code: errno)
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
    private static func giveToOwner(of directory: String, _ path: String) throws(HostError) {
        guard geteuid() == 0 else { return }
        var status = unsafe stat()
        guard unsafe stat(directory, &status) == 0 else {
            throw HostError.systemCall(name: "stat", subject: directory, code: errno)
        }
        guard unsafe lchown(path, status.st_uid, status.st_gid) == 0 else {
            throw HostError.systemCall(name: "lchown", subject: path, code: errno)
        }
    }

    /// Whether a file or directory is fit for secrets: it belongs to our user or to root, and to nobody else is it
    /// readable or writable. The error's text names the command that mends it.
    static func checkPrivate(path: String) -> HostError? {
        let found: Status
        do {
            found = try status(of: path)
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

    /// What the checks need of a file; symbolic links are followed.
    private struct Status {
        let owner: UInt32
        /// Permission bits only.
        let mode: UInt32
        let isDirectory: Bool
    }

    private static func status(of path: String) throws(HostError) -> Status {
        var found = stat()
        guard unsafe stat(path, &found) == 0 else { throw .systemCall(name: "stat", subject: path, code: errno) }
        return Status(
            owner: found.st_uid, mode: found.st_mode & 0o7777, isDirectory: found.st_mode & S_IFMT == S_IFDIR)
    }

    private static func writeNewFile(_ path: String, bytes: [UInt8]) throws(HostError) {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, privateFileMode)
        guard descriptor >= 0 else { throw .systemCall(name: "open", subject: path, code: errno) }
        var isOpen = true
        defer { if isOpen { close(descriptor) } }
        // The umask may have taken bits away.
        guard fchmod(descriptor, privateFileMode) == 0 else {
            throw .systemCall(name: "fchmod", subject: path, code: errno)
        }
        try HostFile.write(bytes, to: descriptor, path: path)
        guard fsync(descriptor) == 0 else { throw .systemCall(name: "fsync", subject: path, code: errno) }
        isOpen = false
        // Some file systems tell of a full disk only now.
        guard close(descriptor) == 0 else { throw .systemCall(name: "close", subject: path, code: errno) }
    }

    /// Makes the names in a directory durable.
    private static func syncDirectory(_ path: String) throws(HostError) {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .systemCall(name: "open", subject: path, code: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .systemCall(name: "fsync", subject: path, code: errno) }
    }

    /// The directory that holds `path`; `.` for a bare name.
    static func parent(of path: String) -> String {
        var rest = path[...]
        while rest.count > 1, rest.last == "/" { rest.removeLast() }
        guard let slash = rest.lastIndex(of: "/") else { return "." }
        return slash == rest.startIndex ? "/" : String(rest[..<slash])
    }
}
