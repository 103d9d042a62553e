// Directories and files that only their owner can use: made, checked, replaced whole, removed.
package import Glibc

/// Directories of mode 0700 and what lies in them.
package enum PrivateDirectory {
    /// Makes a directory with mode 0700; one that is there already must be a real directory, ours and private.
    package static func make(_ path: String) throws(SystemError) {
        if unsafe mkdir(path, 0o700) == 0 { return }
        guard errno == EEXIST else { throw .call(name: "mkdir", subject: path, code: errno) }
        try check(path)
    }

    /// The same with those above it that are missing.
    package static func makeAll(_ path: String) throws(SystemError) {
        var missing: [String] = []
        var rest = path
        while unsafe access(rest, F_OK) != 0, rest != "/" {
            missing.append(rest)
            rest = parent(of: rest)
        }
        for directory in missing.reversed() { try make(directory) }
        try check(path)
    }

    /// Refuses symbolic links, foreign owners and modes that let others in: another user may have made it.
    package static func check(_ path: String) throws(SystemError) {
        var found = stat()
        guard unsafe lstat(path, &found) == 0 else { throw .call(name: "lstat", subject: path, code: errno) }
        guard found.st_mode & S_IFMT == S_IFDIR else {
            throw .notPrivate(path: path, detail: "is not a directory (symbolic links are refused); remove it")
        }
        guard found.st_uid == geteuid() else {
            throw .notPrivate(
                path: path,
                detail: "belongs to user \(found.st_uid) and must belong to user \(geteuid()); have it removed")
        }
        guard found.st_mode & 0o077 == 0 else {
            let mode = String(found.st_mode & 0o7777, radix: 8)
            throw .notPrivate(path: path, detail: "has mode \(mode) and must have 700; run: chmod 700 \(path)")
        }
    }

    /// What stands before the last slash: `.` where there is none, `/` for what lies at the root. A slash at the end
    /// counts as one, unlike for `FileModes.parent`.
    package static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Names in a directory, in byte order, without `.` and `..`.
    package static func names(in path: String) throws(SystemError) -> [String] {
        guard let stream = unsafe opendir(path) else { throw .call(name: "opendir", subject: path, code: errno) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a directory with the files in it; directories in it are an error.
    package static func remove(_ path: String) throws(SystemError) {
        for name in try names(in: path) { try removeFile(path + "/" + name) }
        guard unsafe rmdir(path) == 0 || errno == ENOENT else { throw .call(name: "rmdir", subject: path, code: errno) }
    }

    /// Removes a file if it is there.
    package static func removeFile(_ path: String) throws(SystemError) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw .call(name: "unlink", subject: path, code: errno)
        }
    }

    /// Writes a whole file with mode 0600, so that whoever opens it finds the old or the new one.
    package static func replaceFile(_ path: String, with bytes: [UInt8], mode: mode_t = 0o600) throws(SystemError) {
        let temporary = "\(path).\(RandomText.make(byteCount: 6)).tmp"
        do throws(SystemError) {
            let file = try OwnedDescriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
            // The umask may have taken bits away.
            guard fchmod(file.raw, mode) == 0 else { throw .call(name: "fchmod", subject: path, code: errno) }
            try file.write(bytes, subject: path)
            guard unsafe rename(temporary, path) == 0 else { throw .call(name: "rename", subject: path, code: errno) }
        } catch {
            unsafe unlink(temporary)
            throw error
        }
    }

    /// A whole file; `nil` when there is none.
    package static func readFile(_ path: String, byteCountMax: Int = 1 << 20) throws(SystemError) -> [UInt8]? {
        do throws(SystemError) {
            return try OwnedDescriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).readAll(
                byteCountMax: byteCountMax)
        } catch .call(_, _, ENOENT) {
            return nil
        }
    }
}
