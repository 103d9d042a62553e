// What a power cut leaves on the disk, after each recorded operation.
//
// THE METHOD is that of ALICE: Pillai, Chidambaram, Alagappan, Al-Kiswany, Arpaci-Dusseau, Arpaci-Dusseau, "All File
// Systems Are Not Created Equal: On the Complexity of Crafting Crash-Consistent Applications", OSDI 2014. A run of the
// program is recorded once; from the record, every state that a crash could leave is built and given to the program's
// own recovery. Departures: the recorder is a preloaded library, images are sampled where they are too many, and one
// model stands for all file systems, weaker than each, instead of one model for each of them.
//
// THE MODEL promises only what POSIX does, and what Linux documents where POSIX is silent (open(2), fsync(2)):
//
// - A write is not on the disk before a sync of its file. Until then any part of it may be, sector by sector, and in any
//   order with other writes: writeback chooses pages as it likes, and a disk's cache reorders what it is given.
// - A sector of 512 bytes is written whole or not at all: disks promise that much, and no more. It may hold any of the
//   contents that it had in memory since the last sync, never a mix of two.
// - A file's size is a piece of its own: it may have grown without the bytes, which then read as zeros (XFS, and ext4
//   without data=ordered, do that), or by a part of a write; a truncation may have happened or not.
// - fsync and fdatasync make all earlier writes of the file certain, and its size, but not its name.
// - A write by an O_DSYNC descriptor is certain once it has returned, with the size that it needs; other writes are
//   not: one that was issued before may be missing. While it runs it is like any write.
// - Names (creation, link, unlink, rename, mkdir) are certain after a sync of their directory. Until then a first part
//   of the changes of each directory may have happened, in order: journals and logs keep the order of metadata. ext4
//   would save the name of a new file with its first fsync; POSIX does not say so, and the store must not need it.
// - A rename takes effect whole.
// - After a sync or an O_DSYNC write that failed, what it should have written may be there or not, whatever later syncs
//   say: the system marks those pages as clean (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX
//   ATC 2020). What is written again and synced is certain.
// - Nothing that a sync made certain is lost or damaged; disks that lie are not modelled.

/// What certainly is on the disk and what may be, after some recorded operations.
package struct DiskModel: Sendable {
    package private(set) var files: [FileModel]
    private var directories: [DirectoryModel]
    private let pool: SectorPool
    /// The file with an O_DSYNC write that has returned by the next operation.
    private var unsettled: Int?
    private var isAttempt = false

    package init(_ timeline: Timeline) {
        files = Array(repeating: FileModel(), count: timeline.fileCount)
        directories = Array(repeating: DirectoryModel(), count: timeline.directoryCount)
        pool = timeline.pool
    }

    package mutating func apply(_ step: DiskStep) {
        if let file = unsettled.take() { files[file].settleLast(pool) }
        switch step {
        case .nothing: break
        case .change(let file, let change, let promise):
            files[file].append(change, isGivenUp: promise == .failed || promise == .nothing && isAttempt)
            if promise == .durable, !change.cells.isEmpty { unsettled = file }
        case .sync(let file): files[file].sync(pool)
        case .name(let directory, let change): directories[directory].append(change)
        case .syncDirectory(let directory): directories[directory].sync()
        case .notes(let notes):
            for note in notes { isAttempt = note.word == .attempt }
        }
    }

    /// All that names may say of a file in a directory of the recorded one, each with one choice that leads there.
    package func presences(of name: String, in directory: String) -> [(presence: Presence, choice: NameChoice)] {
        var found: [(presence: Presence, choice: NameChoice)] = []
        func add(_ presence: Presence, _ rootCount: Int, _ directoryCount: Int) {
            if found.contains(where: { $0.presence == presence }) { return }
            found.append((presence, NameChoice(rootCount: rootCount, directoryCount: directoryCount)))
        }
        for rootCount in 0...directories[0].pending.count {
            guard case .directory(let number) = directories[0].node(directory, pendingCount: rootCount) else {
                add(.noDirectory, rootCount, 0)
                continue
            }
            for count in 0...directories[number].pending.count {
                add(presence(of: name, in: number, count), rootCount, count)
            }
        }
        return found
    }

    /// What a choice of names leads to.
    package func presence(of name: String, in directory: String, _ choice: NameChoice) -> Presence {
        guard case .directory(let number) = directories[0].node(directory, pendingCount: choice.rootCount) else {
            return .noDirectory
        }
        return presence(of: name, in: number, choice.directoryCount)
    }

    private func presence(of name: String, in directory: Int, _ pendingCount: Int) -> Presence {
        if case .file(let file) = directories[directory].node(name, pendingCount: pendingCount) { return .file(file) }
        return .noFile(beside: directories[directory].fileNames(pendingCount: pendingCount))
    }

    package func window(of file: Int) -> FileWindow { FileWindow(files[file], pool) }
}
