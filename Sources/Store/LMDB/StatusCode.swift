// What LMDB's status codes mean to the store.
import CLMDB
import Glibc

extension StoreError {
    /// The error for a status code other than success.
    init(status: Int32, operation: String, path: String) {
        switch status {
        case ENOSPC, EDQUOT: self = .diskFull(operation: operation)
        case MDB_MAP_FULL: self = .mapFull(operation: operation)
        case MDB_READERS_FULL: self = .readersFull
        case EIO, MDB_PANIC: self = .inputOutput(operation: operation, reason: Self.reason(status))
        case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_VERSION_MISMATCH:
            self = .damaged(path: path, reason: Self.reason(status))
        default: self = .environment(operation: operation, reason: Self.reason(status))
        }
    }

    /// The error for a failed commit. A system error other than a full disk leaves open what reached the disk, so
    /// that the environment has to be opened again.
    init(commitStatus status: Int32, path: String) {
        let operation = "commit"
        if status > 0, status != ENOSPC, status != EDQUOT {
            self = .inputOutput(operation: operation, reason: Self.reason(status))
        } else {
            self.init(status: status, operation: operation, path: path)
        }
    }

    private static func reason(_ status: Int32) -> String {
        unsafe String(cString: mdb_strerror(status))
    }
}
