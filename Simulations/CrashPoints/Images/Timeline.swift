// A recording made ready for the model: paths and descriptors become files and directories by number, and each write
// the contents of whole sectors as they were in memory after it.

/// What happened, one step for each recorded operation.
package struct Timeline: Sendable {
    package private(set) var steps: [DiskStep] = []
    package let pool: SectorPool
    package let fileCount: Int
    package let directoryCount: Int

    package init(_ recording: Recording) throws(CrashPointError) {
        var builder = TimelineBuilder()
        for (index, operation) in recording.operations.enumerated() {
            steps.append(try builder.step(operation, index))
        }
        pool = SectorPool(builder.pool)
        fileCount = builder.files.count
        directoryCount = builder.directories.count
    }

    /// All notes in their order, with the operations that wrote them.
    package var notes: [(operation: Int, note: Note)] {
        steps.indices.flatMap { index -> [(Int, Note)] in
            if case .notes(let notes) = steps[index] { return notes.map { (index, $0) } }
            return []
        }
    }
}

/// The files as the running program saw them.
private struct TimelineBuilder {
    struct File {
        var sectors: [UInt32] = []
        var size = 0
    }

    var pool = SectorPool.Builder()
    var files: [File] = []
    /// The names in each directory. The first one is the recorded directory itself, which is empty at first.
    var directories: [[String: DiskNode]] = [[:]]
    /// Which file a number of the shim's means: that of its path when the path was opened last.
    private var opened: [UInt32: Int] = [:]
    private var journal: Int?
    private var journalRest: [UInt8] = []

    mutating func step(_ operation: RecordedOperation, _ index: Int) throws(CrashPointError) -> DiskStep {
        switch operation.action {
        case .open(let path, let flags):
            return try open(path, truncates: flags & Self.truncateFlag != 0, operation.fileID, index)
        case .write(let offset, let bytes, let promise):
            let file = try file(operation, index)
            if file == journal { return .notes(try notes(bytes)) }
            return .change(file: file, write(bytes, at: offset, to: file), promise)
        case .sync: return .sync(file: try file(operation, index))
        case .truncate(let size):
            let file = try file(operation, index)
            return .change(file: file, truncate(file, to: size), .nothing)
        case .rename(let from, let to):
            let source = try place(from, index)
            let target = try place(to, index)
            guard source.directory == target.directory else {
                throw .notModelled(operation: index, "\(from) is moved to another directory, \(to)")
            }
            guard let node = directories[source.directory][source.name], case .file = node else {
                throw .notModelled(operation: index, "\(from) is moved and is no known file")
            }
            // Names of one file: nothing happens.
            if directories[source.directory][target.name] == node { return .nothing }
            return name(source.directory, [target.name: node, source.name: nil])
        case .link(let from, let to):
            let source = try place(from, index)
            let target = try place(to, index)
            guard let node = directories[source.directory][source.name] else {
                throw .notModelled(operation: index, "\(from) is linked and is no known file")
            }
            return name(target.directory, [target.name: node])
        case .unlink(let path):
            let place = try place(path, index)
            return name(place.directory, [place.name: nil])
        case .makeDirectory(let path):
            let place = try place(path, index)
            directories.append([:])
            return name(place.directory, [place.name: .directory(directories.count - 1)])
        case .syncDirectory(let path): return .syncDirectory(try directory(path, index))
        }
    }

    /// O_TRUNC of Linux on every architecture that Swift runs on.
    private static let truncateFlag: UInt32 = 0o1000

    private mutating func open(
        _ path: String, truncates: Bool, _ fileID: UInt32, _ index: Int
    ) throws(CrashPointError) -> DiskStep {
        if path == "." { return .nothing }
        let place = try place(path, index)
        switch directories[place.directory][place.name] {
        case .directory: return .nothing
        case .file(let file):
            opened[fileID] = file
            let isEmpty = files[file].size == 0
            return truncates && !isEmpty ? .change(file: file, truncate(file, to: 0), .nothing) : .nothing
        case nil:
            let file = files.count
            files.append(File())
            opened[fileID] = file
            if path == journalName { journal = file }
            return name(place.directory, [place.name: .file(file)])
        }
    }

    private func file(_ operation: RecordedOperation, _ index: Int) throws(CrashPointError) -> Int {
        if let file = opened[operation.fileID] { return file }
        throw .notModelled(operation: index, "it changes a file that was not opened before")
    }

    // MARK: Names

    private mutating func name(_ directory: Int, _ change: NameChange) -> DiskStep {
        for (name, node) in change { directories[directory][name] = node }
        return .name(directory: directory, change)
    }

    private func directory(_ path: String, _ index: Int) throws(CrashPointError) -> Int {
        if path == "." { return 0 }
        let place = try place(path, index)
        if case .directory(let directory) = directories[place.directory][place.name] { return directory }
        throw .notModelled(operation: index, "\(path) is no known directory")
    }

    private func place(_ path: String, _ index: Int) throws(CrashPointError) -> (directory: Int, name: String) {
        guard !path.hasPrefix("/") else { throw .notModelled(operation: index, "\(path) is outside") }
        var directory = 0
        var parts = path.split(separator: "/").map(String.init)
        guard let name = parts.popLast() else { throw .notModelled(operation: index, "a path is empty") }
        for part in parts {
            guard case .directory(let next) = directories[directory][part] else {
                throw .notModelled(operation: index, "\(path) lies in no known directory")
            }
            directory = next
        }
        return (directory, name)
    }

    // MARK: Contents

    private mutating func write(_ bytes: [UInt8], at offset: Int, to file: Int) -> FileChange {
        let end = offset + bytes.count
        let sectors = (offset / sectorByteCount)..<((end + sectorByteCount - 1) / sectorByteCount)
        grow(file, sectorCount: sectors.upperBound)
        var change = FileChange(cells: [])
        for sector in bytes.isEmpty ? 0..<0 : sectors {
            let start = sector * sectorByteCount
            var content = Array(pool.content(files[file].sectors[sector]))
            let covered = max(offset, start)..<min(end, start + sectorByteCount)
            content.replaceSubrange(
                (covered.lowerBound - start)..<(covered.upperBound - start),
                with: bytes[(covered.lowerBound - offset)..<(covered.upperBound - offset)])
            set(sector, of: file, to: pool.add(content[...], sector: sector), &change)
        }
        if end > files[file].size, !bytes.isEmpty {
            files[file].size = end
            change.sizeAfter = end
        }
        return change
    }

    private mutating func truncate(_ file: Int, to size: Int) -> FileChange {
        var change = FileChange(cells: [], isTruncation: true)
        guard size != files[file].size else { return change }
        change.sizeAfter = size
        if size < files[file].size {
            var sector = size / sectorByteCount
            let kept = size % sectorByteCount
            if kept > 0 {
                let content = pool.content(files[file].sectors[sector]).prefix(kept)
                let zeros = [UInt8](repeating: 0, count: sectorByteCount - kept)
                set(sector, of: file, to: pool.add((Array(content) + zeros)[...], sector: sector), &change)
                sector += 1
            }
            for sector in sector..<max(sector, files[file].sectors.count) { set(sector, of: file, to: 0, &change) }
        }
        files[file].size = size
        grow(file, sectorCount: (size + sectorByteCount - 1) / sectorByteCount)
        return change
    }

    private mutating func grow(_ file: Int, sectorCount: Int) {
        let missing = sectorCount - files[file].sectors.count
        if missing > 0 { files[file].sectors += [UInt32](repeating: 0, count: missing) }
    }

    private mutating func set(_ sector: Int, of file: Int, to id: UInt32, _ change: inout FileChange) {
        files[file].sectors[sector] = id
        change.cells.append(SectorCell(sector: Int32(sector), id: id))
    }

    // MARK: The journal

    private mutating func notes(_ bytes: [UInt8]) throws(CrashPointError) -> [Note] {
        journalRest += bytes
        var notes: [Note] = []
        while let end = journalRest.firstIndex(of: UInt8(ascii: "\n")) {
            notes.append(try Note(line: Substring(String(decoding: journalRest[..<end], as: UTF8.self))))
            journalRest.removeFirst(end + 1)
        }
        return notes
    }
}
