// One directory: the names that are certainly on the disk, and the changes of names that may be.

/// What a power cut leaves of one directory. Its changes are there in order: a first part of them.
struct DirectoryModel: Sendable {
    private var durable: [String: DiskNode] = [:]
    private(set) var pending: [NameChange] = []

    mutating func append(_ change: NameChange) { pending.append(change) }

    mutating func sync() {
        for change in pending { durable.merge(change) }
        pending.removeAll()
    }

    /// The names of files where the first of the pending changes reached the disk.
    func fileNames(pendingCount: Int) -> Set<String> {
        var names = durable
        for change in pending.prefix(pendingCount) { names.merge(change) }
        return Set(names.filter { if case .file = $0.value { true } else { false } }.keys)
    }

    /// What a name stands for where the first of the pending changes reached the disk.
    func node(_ name: String, pendingCount: Int) -> DiskNode? {
        for change in pending.prefix(pendingCount).reversed() {
            if let node = change[name] { return node }
        }
        return durable[name]
    }
}

extension [String: DiskNode] {
    fileprivate mutating func merge(_ change: NameChange) {
        for (name, node) in change { self[name] = node }
    }
}

/// What a power cut can leave of a subject's data file: its name, or which of two files bears it.
package enum Presence: Sendable, Hashable {
    case noDirectory
    /// Nothing bears the name; what lies beside it bears others.
    case noFile(beside: Set<String>)
    case file(Int)
}

/// Which of the pending changes of names reached the disk.
package struct NameChoice: Sendable, Hashable {
    /// Of the recorded directory.
    package let rootCount: Int
    /// Of the subject's own directory.
    package let directoryCount: Int

    package init(rootCount: Int, directoryCount: Int) {
        self.rootCount = rootCount
        self.directoryCount = directoryCount
    }
}
