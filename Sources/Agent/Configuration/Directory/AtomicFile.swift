// Replaces a file in one step: a reader, and a loss of power, find the old content or the new one.

private import Glibc

/// Writes files whole or not at all.
enum AtomicFile {
    /// Replaces `name` in `directory` by a file of mode 0600.
    static func write(_ bytes: [UInt8], to name: String, in directory: String) throws(SystemCallError) {
        let path = "\(directory)/\(name)"
        let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        // Hidden, in the same directory: only within one file system is a rename one step.
        let temporaryPath = "\(directory)/.\(name).\(random).tmp"
        do {
            let file = try OwnedDescriptor.create(temporaryPath)
            try file.write(bytes)
            try file.sync()
        } catch {
            _ = unsafe unlink(temporaryPath)
            throw error
        }
        guard unsafe rename(temporaryPath, path) == 0 else {
            let error = SystemCallError(last: "rename the new file to")
            _ = unsafe unlink(temporaryPath)
            throw error
        }
        try OwnedDescriptor.openDirectory(directory).sync()
    }
}
