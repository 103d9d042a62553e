// The tables of a store's file, the ways to open it and the ways to put a record.

/// The tables of the environment.
enum Table: Int, CaseIterable {
    /// Key to record: the replicated map.
    case entries
    /// What the file says of itself.
    case meta
    /// What is this member's alone.
    case local

    var name: String {
        switch self {
        case .entries: "entries"
        case .meta: "meta"
        case .local: "local"
        }
    }
}

extension Environment {
    /// How an environment is opened.
    enum Access {
        /// A store's directory, for reading and writing; missing tables are made.
        case readWrite(mapByteCount: Int, readersMax: Int)
        /// A single file that nobody knows of yet; missing tables are made.
        case newFile(mapByteCount: Int)
        /// A store's directory, perhaps while another process writes.
        case readOnly
        /// A single file that nobody writes, such as a backup.
        case readOnlyFile
    }
}

extension Cursor {
    /// How a record is put.
    enum Placement {
        /// Wherever its key belongs, in place of a record with that key.
        case anywhere
        /// Past the last key of the table.
        case last
        /// Wherever its key belongs, unless there is a record with that key; then the cursor is at it.
        case new
    }
}
