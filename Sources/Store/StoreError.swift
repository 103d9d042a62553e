// Everything that can go wrong with the store, each with what to do about it.
package import Replica

/// Every error of this module.
package enum StoreError: Error, Equatable, Sendable {
    /// The store was closed.
    case closed
    /// The store is being opened again after a failed write to disk.
    case reopening
    /// Another process has the store open.
    case inUse(pid: Int32?, directory: String)
    /// The file was written by a newer release.
    case newerFormat(found: UInt32, supported: UInt32, path: String)
    /// The file is an LMDB file, but not one of this program's.
    case notAStore(path: String, reason: String)
    /// The file's contents contradict themselves.
    case damaged(path: String, reason: String)
    /// No space is left on the disk, or in the user's quota.
    case diskFull(operation: String)
    /// The data has grown to the size of the address space reserved for it.
    case mapFull(operation: String)
    /// More read transactions at once than the store was opened for.
    case readersFull
    /// More long reads are queued than allowed.
    case readQueueFull(countMax: Int)
    /// Writing or syncing failed, so that the environment has to be opened again.
    case inputOutput(operation: String, reason: String)
    /// Another failure of LMDB.
    case environment(operation: String, reason: String)
    /// A system call on a file failed.
    case file(operation: String, path: String, reason: String)
    /// The target of a backup exists.
    case targetExists(path: String)
    /// A conditional write found something else than it expected.
    case conflict(key: Key, found: Version?)
    /// A value of so many bytes: over `Entry.valueByteCountMax`.
    case valueLength(key: Key, byteCount: Int)
    /// A key for the member alone of so many bytes: none, or over `localKeyByteCountMax`.
    case localKeyLength(Int)
}

extension StoreError {
    /// Whether the environment can only be used again after closing and opening it.
    var requiresReopening: Bool {
        if case .inputOutput = self { return true }
        return false
    }
}

extension StoreError: CustomStringConvertible {
    /// What failed, where, and what to do, in one line.
    package var description: String {
        switch self {
        case .closed:
            "the store is closed; nothing can be read from it or written to it any more"
        case .reopening:
            "the store is being opened again after a failed write to disk; try again in a moment"
        case .inUse(let pid, let directory):
            "the store in \(directory) is in use by \(pid.map { "process \($0)" } ?? "another process"); "
                + "stop it first or use another directory"
        case .newerFormat(let found, let supported, let path):
            "\(path) has format \(found), written by a newer release; this release reads up to format \(supported): "
                + "install the newer release, or restore a backup made by this one"
        case .notAStore(let path, let reason):
            "\(path) is not a store of this program: \(reason); check the path"
        case .damaged(let path, let reason):
            "\(path) is damaged: \(reason); restore a backup, or remove the file to have it filled by other members"
        case .diskFull(let operation):
            "no space is left on the disk (\(operation)); free some, writing then resumes by itself"
        case .mapFull(let operation):
            "the store has reached its largest size (\(operation)); delete entries or reserve more address space"
        case .readersFull:
            "too many reads at once; try again in a moment"
        case .readQueueFull(let countMax):
            "\(countMax) long reads are queued already; try again in a moment"
        case .inputOutput(let operation, let reason):
            "the disk failed, or filled up in the middle of a write (\(operation): \(reason)); the write was not done: "
                + "make room or check the disk, then write again"
        case .environment(let operation, let reason):
            "the store failed (\(operation): \(reason)); if it does so again, run a check of the store"
        case .file(let operation, let path, let reason):
            "cannot \(operation) \(path): \(reason)"
        case .targetExists(let path):
            "\(path) exists and is not overwritten; choose another name or remove it"
        case .conflict(let key, let found):
            "key \"\(key)\" has "
                + (found.map { "version \($0.clock.raw)-\($0.origin.raw)" } ?? "no value")
                + ", which is not what the write expected; read it and try again"
        case .valueLength(let key, let byteCount):
            "the value of key \"\(key)\" has \(byteCount) bytes; allowed: up to \(Entry.valueByteCountMax)"
        case .localKeyLength(let byteCount):
            "a local key of \(byteCount) bytes is not allowed; allowed: 1 to \(localKeyByteCountMax) bytes"
        }
    }
}

/// Longest key of the `local` table in bytes: LMDB's own limit.
package let localKeyByteCountMax = 511
