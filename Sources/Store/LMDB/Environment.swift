// Owns the LMDB environment, its transactions and its cursors.
//
// No pointer of LMDB's leaves this file: callers get spans, for as long as a closure runs.
import CLMDB
import Glibc

/// An open environment.
///
/// Whoever calls `close` makes sure that no transaction is running; `Gate` counts them.
@safe final class Environment: @unchecked Sendable {
    let path: String
    private var handle: OpaquePointer?
    fileprivate var tables = TableHandles(repeating: 0)
    /// After a commit that failed at its very end, the meta page that LMDB took back is in memory only: the disk may have
    /// the failed commit, whose pages the next one is going to use. So all is synced before anything is written.
    private var mustSynchronize = false

    /// Opens the environment. A failure half-way closes what was opened.
    init(path: String, access: Access) throws(StoreError) {
        self.path = path
        unsafe handle = nil
        var flags = UInt32(MDB_NOTLS)
        try require(unsafe mdb_env_create(&handle), "create the environment")
        try require(unsafe mdb_env_set_maxdbs(handle, 8), "set the number of tables")
        switch access {
        case .readWrite(let mapByteCount, let readersMax):
            try require(unsafe mdb_env_set_mapsize(handle, mapByteCount), "reserve \(mapByteCount) bytes")
            try require(unsafe mdb_env_set_maxreaders(handle, UInt32(readersMax)), "set the number of readers")
        case .newFile(let mapByteCount):
            flags |= UInt32(MDB_NOLOCK | MDB_NOSUBDIR)
            try require(unsafe mdb_env_set_mapsize(handle, mapByteCount), "reserve \(mapByteCount) bytes")
        case .readOnly:
            flags |= UInt32(MDB_RDONLY)
        case .readOnlyFile:
            flags |= UInt32(MDB_RDONLY | MDB_NOLOCK | MDB_NOSUBDIR)
        }
        try require(unsafe mdb_env_open(handle, path, flags, 0o600), "open \(path)")
        switch access {
        case .readWrite:
            var staleCount: Int32 = 0
            try require(unsafe mdb_reader_check(handle, &staleCount), "clear stale readers")
            // Where the disk cannot do it now, it can be read all the same; the next write tries again.
            mustSynchronize = unsafe mdb_env_sync(handle, 1) != MDB_SUCCESS
        case .newFile, .readOnly:
            break
        case .readOnlyFile:
            try requireWholeFile()
        }
    }

    deinit { close() }

    /// Closes the environment; only when no transaction is running.
    func close() {
        if let open = unsafe handle { unsafe mdb_env_close(open) }
        unsafe handle = nil
    }

    func beginRead() throws(StoreError) -> ReadTransaction {
        var transaction: OpaquePointer?
        try require(unsafe mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &transaction), "begin to read")
        guard let transaction = unsafe transaction else { throw .closed }
        return ReadTransaction(core: unsafe TransactionCore(handle: transaction, environment: self))
    }

    func beginWrite() throws(StoreError) -> WriteTransaction {
        if mustSynchronize {
            try require(unsafe mdb_env_sync(handle, 1), "sync \(path)")
            mustSynchronize = false
        }
        var transaction: OpaquePointer?
        try require(unsafe mdb_txn_begin(handle, nil, 0, &transaction), "begin to write")
        guard let transaction = unsafe transaction else { throw .closed }
        return WriteTransaction(core: unsafe TransactionCore(handle: transaction, environment: self))
    }

    /// Whether LMDB has given the environment up, as it does where its meta page could not be written: then nothing can
    /// be read from it or written to it, and only who tries is told.
    var isGivenUp: Bool {
        do {
            _ = try beginRead()
            return false
        } catch {
            return error.requiresReopening
        }
    }

    /// Opens the tables in a transaction that the caller commits or ends; later transactions can use them.
    func openTables(_ transaction: borrowing some Transaction & ~Copyable, create: Bool) throws(StoreError) {
        for table in Table.allCases {
            let flags = create ? UInt32(MDB_CREATE) : 0
            var opened: MDB_dbi = 0
            let status = unsafe mdb_dbi_open(transaction.core.handle, table.name, flags, &opened)
            if status == MDB_NOTFOUND { throw .notAStore(path: path, reason: "it has no table \"\(table.name)\"") }
            try require(status, "open table \"\(table.name)\"")
            tables[table.rawValue] = opened
        }
    }

    /// Writes a compact copy of the committed state to a file descriptor, blocking.
    func copy(to descriptor: Int32) throws(StoreError) {
        try require(unsafe mdb_env_copyfd2(handle, descriptor, UInt32(MDB_CP_COMPACT)), "copy the store")
    }

    /// Refuses a backup that ends before its last page: touching the pages that are missing would end the process.
    /// A store's own file may lack pages that were taken and given back within one transaction: it is not judged.
    private func requireWholeFile() throws(StoreError) {
        var info = unsafe MDB_envinfo()
        var statistics = MDB_stat()
        var descriptor: Int32 = -1
        var status = stat()
        try require(unsafe mdb_env_info(handle, &info), "read the size of \(path)")
        try require(unsafe mdb_env_stat(handle, &statistics), "read the page size of \(path)")
        try require(unsafe mdb_env_get_fd(handle, &descriptor), "find the file of \(path)")
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw .file(operation: "read the size of", path: path, reason: systemReason(errno))
        }
        let expected = unsafe (info.me_last_pgno + 1) * Int(statistics.ms_psize)
        guard Int(status.st_size) >= expected else {
            throw .damaged(path: path, reason: "it has \(status.st_size) bytes and should have \(expected)")
        }
    }

    private func require(_ status: Int32, _ operation: @autoclosure () -> String) throws(StoreError) {
        if status != MDB_SUCCESS { throw StoreError(status: status, operation: operation(), path: path) }
    }
}

private typealias TableHandles = InlineArray<3, MDB_dbi>

/// What both kinds of transaction have in common.
@safe struct TransactionCore {
    fileprivate let handle: OpaquePointer
    /// Held, because a transaction must end before its environment is closed.
    private let environment: Environment

    fileprivate init(handle: OpaquePointer, environment: Environment) {
        unsafe self.handle = handle
        self.environment = environment
    }

    var path: String { environment.path }

    fileprivate func handle(of table: Table) -> MDB_dbi { environment.tables[table.rawValue] }

    @inline(__always)
    fileprivate func require(_ status: Int32, _ operation: String) throws(StoreError) {
        if status != MDB_SUCCESS { throw StoreError(status: status, operation: operation, path: path) }
    }
}

protocol Transaction: ~Copyable {
    var core: TransactionCore { get }
}

extension Transaction where Self: ~Copyable {
    /// The number of records in a table.
    func recordCount(_ table: Table) throws(StoreError) -> Int {
        var statistics = MDB_stat()
        let status = unsafe mdb_stat(core.handle, core.handle(of: table), &statistics)
        try core.require(status, "count the records")
        return Int(statistics.ms_entries)
    }

    /// Calls the closure with the value of a key, and returns nil without calling it where the key is not in the table.
    @inline(__always)
    func withValue<Result>(
        _ table: Table, _ key: RawSpan, _ body: (RawSpan) throws(StoreError) -> Result
    ) throws(StoreError) -> Result? {
        var value = unsafe MDB_val()
        let status = unsafe key.withUnsafeBytes { bytes in
            var name = unsafe MDB_val(naming: bytes)
            return unsafe mdb_get(core.handle, core.handle(of: table), &name, &value)
        }
        if status == MDB_NOTFOUND { return nil }
        try core.require(status, "read a key")
        return try unsafe body(UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size).bytes)
    }

    /// Calls the closure with a cursor on a table, not yet at any record.
    func withCursor<Result>(
        _ table: Table, _ body: (inout Cursor) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        var handle: OpaquePointer?
        let status = unsafe mdb_cursor_open(core.handle, core.handle(of: table), &handle)
        try core.require(status, "open a cursor")
        guard let handle = unsafe handle else { throw .closed }
        var cursor = unsafe Cursor(handle: handle, path: core.path)
        return try body(&cursor)
    }
}

/// A snapshot of the committed state, which ends with this value.
struct ReadTransaction: ~Copyable, Transaction {
    let core: TransactionCore
    private var isEnded = false

    fileprivate init(core: TransactionCore) { self.core = core }

    /// Ends the transaction and keeps the tables that were opened in it.
    consuming func endKeepingTables() throws(StoreError) {
        isEnded = true
        let status = unsafe mdb_txn_commit(core.handle)
        try core.require(status, "keep the tables")
    }

    deinit { if !isEnded { unsafe mdb_txn_abort(core.handle) } }
}

/// Changes that become visible and durable together by `commit`, or not at all.
struct WriteTransaction: ~Copyable, Transaction {
    let core: TransactionCore
    private var isEnded = false

    fileprivate init(core: TransactionCore) { self.core = core }

    /// Returns once the changes are on the disk.
    @available(*, noasync)
    consuming func commit() throws(StoreError) {
        isEnded = true
        let status = unsafe mdb_txn_commit(core.handle)
        if status != MDB_SUCCESS { throw StoreError(commitStatus: status, path: core.path) }
    }

    deinit { if !isEnded { unsafe mdb_txn_abort(core.handle) } }
}

extension MDB_val {
    /// Bytes that LMDB only reads, although its type says otherwise.
    @inline(__always)
    fileprivate init(naming bytes: UnsafeRawBufferPointer) {
        unsafe self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}

/// A place in a table. Only for the closure that it is lent to.
@safe struct Cursor: ~Copyable {
    fileprivate let handle: OpaquePointer
    let path: String
    private var key = unsafe MDB_val()
    private var value = unsafe MDB_val()

    fileprivate init(handle: OpaquePointer, path: String) {
        unsafe self.handle = handle
        self.path = path
    }

    deinit { unsafe mdb_cursor_close(handle) }

    /// Moves to the first record, or the next; false where there is none.
    mutating func moveToFirst() throws(StoreError) -> Bool { try move(MDB_FIRST) }

    @inline(__always)
    mutating func moveToNext() throws(StoreError) -> Bool { try move(MDB_NEXT) }

    /// Moves to a key; false where the table does not have it.
    @inline(__always)
    mutating func move(to name: RawSpan) throws(StoreError) -> Bool { try move(MDB_SET_KEY, name) }

    /// Moves to the first key that is not below the one given; false where all are.
    mutating func move(atOrAfter name: RawSpan) throws(StoreError) -> Bool {
        name.byteCount == 0 ? try moveToFirst() : try move(MDB_SET_RANGE, name)
    }

    @inline(__always)
    private mutating func move(_ operation: MDB_cursor_op, _ name: RawSpan) throws(StoreError) -> Bool {
        unsafe name.withUnsafeBytes { bytes in
            unsafe key = MDB_val(naming: bytes)
        }
        return try move(operation)
    }

    @inline(__always)
    private mutating func move(_ operation: MDB_cursor_op) throws(StoreError) -> Bool {
        let status = unsafe mdb_cursor_get(handle, &key, &value, operation)
        if status == MDB_SUCCESS { return true }
        if status == MDB_NOTFOUND { return false }
        throw StoreError(status: status, operation: "move in a table", path: path)
    }

    /// Calls the closure with the key and value that the cursor was moved to. Not after a change.
    @inline(__always)
    func withRecord<Result>(
        _ body: (_ key: RawSpan, _ value: RawSpan) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try unsafe body(
            UnsafeRawBufferPointer(start: key.mv_data, count: key.mv_size).bytes,
            UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size).bytes)
    }

    /// Makes room for a record and has the closure fill it. Returns false, and changes nothing, where the placement
    /// does not allow it.
    @inline(__always)
    mutating func put(
        _ name: RawSpan, byteCount: Int, _ placement: Placement, _ fill: (inout MutableRawSpan) -> Void
    ) throws(StoreError) -> Bool {
        let flags =
            switch placement {
            case .anywhere: MDB_RESERVE
            case .last: MDB_RESERVE | MDB_APPEND
            case .new: MDB_RESERVE | MDB_NOOVERWRITE
            }
        var room = unsafe MDB_val(mv_size: byteCount, mv_data: nil)
        let status = unsafe name.withUnsafeBytes { bytes in
            var name = unsafe MDB_val(naming: bytes)
            return unsafe mdb_cursor_put(handle, &name, &room, UInt32(flags))
        }
        if status == MDB_KEYEXIST { return false }
        if status != MDB_SUCCESS { throw StoreError(status: status, operation: "put a record", path: path) }
        var span = unsafe UnsafeMutableRawBufferPointer(start: room.mv_data, count: byteCount).mutableBytes
        fill(&span)
        return true
    }

    /// Deletes the record that the cursor is at; the next move goes to the one after it.
    mutating func delete() throws(StoreError) {
        let status = unsafe mdb_cursor_del(handle, 0)
        if status != MDB_SUCCESS { throw StoreError(status: status, operation: "delete a record", path: path) }
    }
}
