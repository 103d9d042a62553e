// Backups: a compact copy of the committed state, taken while the store is in use, and its way back.
import Glibc
import Replica

extension Store {
    /// Writes a backup to a new file, mode 0600, and returns once it is on the disk. Reads and writes go on; the file
    /// cannot reuse space that is overwritten meanwhile.
    ///
    /// - Parameter progress: Called now and then with the number of bytes written.
    @available(*, noasync, message: "blocks; await backup(to:progress:) instead")
    package func backup(to path: String, progress: (Int) -> Void) throws(StoreError) {
        try writeBackup(to: path, progress: progress)
    }

    /// The same on a reader thread.
    package func backup(
        to path: String, progress: @escaping @Sendable (Int) -> Void
    ) async throws(StoreError) {
        try await onReaderThread { store throws(StoreError) in
            try store.writeBackup(to: path, progress: progress)
        }
    }

    private func writeBackup(to path: String, progress: (Int) -> Void) throws(StoreError) {
        if FileCalls.exists(path) { throw .targetExists(path: path) }
        let temporary = "\(path).\(getpid()).tmp"
        let file = try FileDescriptor(opening: temporary, O_WRONLY | O_CREAT | O_EXCL)
        do {
            try copyEnvironment(to: file, progress: progress)
            try file.synchronize()
            try FileCalls.rename(temporary, to: path, replacing: false)
        } catch {
            _ = try? FileCalls.remove(temporary)
            throw error
        }
    }

    /// LMDB writes into a pipe (a socket pair, which no child process inherits) on a thread of its own, so that
    /// progress can be told and a failed write ends the copy.
    private func copyEnvironment(
        to file: borrowing FileDescriptor, progress: (Int) -> Void
    ) throws(StoreError) {
        var ends: (Int32, Int32) = (-1, -1)
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let status = unsafe withUnsafeMutableBytes(of: &ends) { bytes in
            unsafe socketpair(AF_UNIX, kind, 0, bytes.assumingMemoryBound(to: Int32.self).baseAddress)
        }
        guard status == 0 else {
            throw .file(operation: "make a pipe for", path: file.path, reason: systemReason(errno))
        }
        let source = FileDescriptor(adopting: ends.0, path: file.path)
        let sink = ends.1
        let copied = Monitor(Result<Void, StoreError>?.none)
        let gate = gate
        do {
            try WorkerThread.start("store-backup") {
                let result: Result<Void, StoreError>
                do throws(StoreError) {
                    try gate.withEnvironment { environment throws(StoreError) in try environment.copy(to: sink) }
                    result = .success(())
                } catch {
                    result = .failure(error)
                }
                Glibc.close(sink)
                copied.withLock { $0 = result }
                copied.notify()
            }
        } catch {
            Glibc.close(sink)
            throw error
        }
        let pumped = Self.pump(source, to: file, progress: progress)
        let result = copied.wait { $0.map { .done($0) } ?? .wait }
        try pumped.get()
        try result.get()
    }

    /// Moves bytes until the end. The source is closed on return, so that its writer does not wait for ever.
    private static func pump(
        _ source: consuming FileDescriptor, to file: borrowing FileDescriptor, progress: (Int) -> Void
    ) -> Result<Void, StoreError> {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var total = 0
        do throws(StoreError) {
            while true {
                let count = try source.read(into: &buffer)
                if count == 0 { return .success(()) }
                try unsafe file.write(buffer.span.bytes.extracting(0..<count))
                total += count
                progress(total)
            }
        } catch {
            return .failure(error)
        }
    }

    /// Replaces the store in a directory by a backup, after checking every entry of it. The daemon must be stopped; the
    /// directory is made where there is none. Either the old or the new store is there afterwards.
    @available(*, noasync, message: "blocks")
    package static func restore(from backup: String, to directory: String) throws(StoreError) {
        try FileCalls.makeDirectory(directory)
        let lock = try StoreLock(directory: directory)
        let report = try check(file: backup) { _ in }
        guard report.isSound else {
            throw .damaged(path: backup, reason: "\(report.damagedCount) of \(report.entryCount) entries are damaged")
        }
        let temporary = directory + "/data.mdb.restore"
        try FileCalls.remove(temporary)
        do {
            try copyFile(backup, to: temporary)
            try FileCalls.rename(temporary, to: directory + "/data.mdb", replacing: true)
        } catch {
            _ = try? FileCalls.remove(temporary)
            throw error
        }
        lock.release()
    }

    private static func copyFile(_ source: String, to target: String) throws(StoreError) {
        let input = try FileDescriptor(opening: source, O_RDONLY)
        let output = try FileDescriptor(opening: target, O_WRONLY | O_CREAT | O_EXCL)
        try pump(input, to: output) { _ in }.get()
        try output.synchronize()
    }
}
