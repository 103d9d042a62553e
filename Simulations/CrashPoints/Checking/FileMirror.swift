// A file in a checker's directory that is made into one image after the other by writing only what differs.
import Glibc

/// One file as it lies in a directory of its own.
package final class FileMirror {
    package let directory: String
    private let descriptor: Int32
    private var size = 0
    /// What each sector holds.
    private var ids: [UInt32] = []

    /// Stands for what no content of the pool is known to be.
    private static let unknown = UInt32.max

    /// Makes the directory with an empty file in it.
    package init(directory: String) throws(CrashPointError) {
        self.directory = directory
        try RawFile.makeDirectory(directory)
        descriptor = try RawFile.open(directory + "/" + Subject.dataFileName, O_RDWR | O_CREAT | O_EXCL)
    }

    deinit { close(descriptor) }

    /// Makes the file into an image.
    package func show(_ image: DiskImage, of window: FileWindow) throws(CrashPointError) {
        try resize(to: image.size)
        var wanted = window.durable
        if wanted.count > ids.count {
            wanted.removeLast(wanted.count - ids.count)
        } else {
            wanted += repeatElement(0, count: ids.count - wanted.count)
        }
        for slot in image.ids.indices where window.sectors[slot] < wanted.count {
            wanted[window.sectors[slot]] = image.ids[slot]
        }
        var sector = 0
        while sector < wanted.count {
            if wanted[sector] == ids[sector] {
                sector += 1
                continue
            }
            var end = sector + 1
            // Contents that follow one another in the pool go in one call.
            while end < wanted.count, wanted[end] != ids[end], wanted[end] == wanted[end - 1] &+ 1 { end += 1 }
            try write(sector..<end, firstID: wanted[sector], window.pool)
            sector = end
        }
        ids = wanted
    }

    private func write(_ sectors: Range<Int>, firstID: UInt32, _ pool: SectorPool) throws(CrashPointError) {
        let start = sectors.lowerBound * sectorByteCount
        let end = min(sectors.upperBound * sectorByteCount, size)
        try unsafe pool.withContents(firstID, count: sectors.count) { bytes throws(CrashPointError) in
            let seen = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<(end - start)])
            try unsafe RawFile.write(seen, to: descriptor, at: start, name: directory)
        }
    }

    private func resize(to newSize: Int) throws(CrashPointError) {
        if newSize == size { return }
        try RawFile.setSize(newSize, of: descriptor, name: directory)
        let count = (newSize + sectorByteCount - 1) / sectorByteCount
        // A sector that was seen in part, or is from now on, holds a cut content.
        for partial in [size, newSize] where !partial.isMultiple(of: sectorByteCount) {
            if partial / sectorByteCount < ids.count { ids[partial / sectorByteCount] = Self.unknown }
        }
        if count < ids.count {
            ids.removeLast(ids.count - count)
        } else {
            ids += repeatElement(0, count: count - ids.count)
        }
        size = newSize
    }
}
