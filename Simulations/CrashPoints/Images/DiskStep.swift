// What one recorded call does to the model of a disk.

/// A sector of a file and the number of what it holds.
package struct SectorCell: Sendable, Hashable {
    package let sector: Int32
    package let id: UInt32
}

/// A change of a file that reaches the disk in parts.
package struct FileChange: Sendable, Hashable {
    /// The sectors that it changed, each whole, as a reader saw it afterwards.
    package var cells: [SectorCell]
    /// The file's size after it, where that is another one than before.
    package var sizeAfter: Int?
    package var isTruncation = false
}

/// What a name stands for.
package enum DiskNode: Sendable, Hashable {
    case file(Int)
    case directory(Int)
}

/// What happens to some names of a directory at once; nil where a name is taken away.
package typealias NameChange = [String: DiskNode?]

/// What one recorded call does.
package enum DiskStep: Sendable, Hashable {
    /// Nothing that outlives a power cut differently.
    case nothing
    case change(file: Int, FileChange, WritePromise)
    case sync(file: Int)
    case name(directory: Int, NameChange)
    case syncDirectory(Int)
    case notes([Note])
}
