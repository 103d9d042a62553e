// Where a store lies and how its environment is opened: its tables and its format version.
import Replica

/// A store's directory with the options it is opened with.
struct StoreLocation: Sendable {
    /// The version of the file's format that this release writes.
    static let format: UInt32 = 1

    let directory: String
    let options: StoreOptions
    let created: WallTime

    var dataPath: String { directory + "/data.mdb" }

    /// Opens the environment for reading and writing, making it where there is none.
    func openEnvironment() throws(StoreError) -> Environment {
        let byteCount = FileCalls.exists(dataPath) ? try FileCalls.byteCount(dataPath) : 0
        if byteCount == 0 { try create() }
        let environment = try Environment(
            path: directory,
            access: .readWrite(mapByteCount: options.mapByteCount, readersMax: options.readersMax))
        do {
            return try Self.readTables(environment, path: dataPath)
        } catch {
            // An earlier version may have been cut off before it had made the tables.
            guard case .notAStore = error else { throw error }
            return try prepare(environment)
        }
    }

    /// Makes an empty store under another name, which it changes for its own once it is on the disk: LMDB cannot open
    /// a file whose making was cut off, and a file is there for certain only once its directory was synced.
    private func create() throws(StoreError) {
        let temporary = dataPath + ".new"
        try FileCalls.remove(temporary)
        try prepare(Environment(path: temporary, access: .newFile(mapByteCount: options.mapByteCount))).close()
        try FileCalls.rename(temporary, to: dataPath, replacing: true)
    }

    /// Makes what a new store needs, and checks the format of one that is there.
    private func prepare(_ environment: Environment) throws(StoreError) -> Environment {
        let transaction = try environment.beginWrite()
        try environment.openTables(transaction, create: true)
        let format = try Self.format(transaction)
        if let format {
            try Self.require(format, path: dataPath)
        } else {
            guard try transaction.recordCount(.entries) == 0 else {
                throw .damaged(path: dataPath, reason: "it has entries but no format version")
            }
            try writeFormat(transaction)
        }
        try transaction.commit()
        return environment
    }

    /// Opens a store or a backup for reading, and checks its format.
    static func openForReading(_ path: String, access: Environment.Access) throws(StoreError) -> Environment {
        try readTables(Environment(path: path, access: access), path: path)
    }

    /// Opens the tables of a store that is there, writing nothing, and checks its format.
    private static func readTables(_ environment: Environment, path: String) throws(StoreError) -> Environment {
        let transaction = try environment.beginRead()
        try environment.openTables(transaction, create: false)
        guard let format = try format(transaction) else {
            throw .notAStore(path: path, reason: "it has no format version")
        }
        try require(format, path: path)
        try transaction.endKeepingTables()
        return environment
    }

    func readDerivedState(_ environment: Environment) throws(StoreError) -> DerivedState {
        try DerivedState(scanning: environment.beginRead(), path: dataPath)
    }

    private static func format(
        _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> UInt32? {
        let name = Array("format".utf8)
        return try unsafe transaction.withValue(.meta, name.span.bytes) { value in
            value.byteCount == 4 ? value.bigEndian(at: 0, as: UInt32.self) : nil
        } ?? nil
    }

    private static func require(_ format: UInt32, path: String) throws(StoreError) {
        if format > Self.format { throw .newerFormat(found: format, supported: Self.format, path: path) }
    }

    private func writeFormat(_ transaction: borrowing WriteTransaction) throws(StoreError) {
        try transaction.withCursor(.meta) { cursor throws(StoreError) in
            let numbers = [("format", UInt64(Self.format), 4), ("created", created.milliseconds, 8)]
            for (name, number, byteCount) in numbers {
                let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: number >> (8 * (byteCount - 1 - $0))) }
                let name = Array(name.utf8)
                try unsafe cursor.put(name.span.bytes, value: bytes.span.bytes)
            }
        }
    }
}

extension Cursor {
    /// Puts a record whose bytes are at hand.
    mutating func put(_ key: RawSpan, value: RawSpan) throws(StoreError) {
        _ = try put(key, byteCount: value.byteCount, .anywhere) { record in
            unsafe record.withUnsafeMutableBytes { output in
                unsafe value.withUnsafeBytes { unsafe output.copyMemory(from: $0) }
            }
        }
    }
}
