// One file: what of it is certainly on the disk, and what may be there as well.

/// A change that may have reached the disk, or parts of it.
struct PendingChange: Sendable {
    var cells: [SectorCell]
    /// The file's size after it, where it is another one than before and not yet certain.
    var sizeAfter: Int?
    let isTruncation: Bool
    /// Whether a sync of it failed: the system holds it written from then on, and no later sync makes it certain.
    let isGivenUp: Bool
}

/// What a power cut leaves of one file.
package struct FileModel: Sendable {
    /// What each sector certainly holds, as numbers of the pool, unless a pending change reached it.
    private(set) var durable: [UInt32] = []
    private(set) var durableSize = 0
    /// The sum of the hashes of the durable sectors.
    private(set) var durableHash: UInt128 = 0
    private(set) var pending: [PendingChange] = []

    mutating func append(_ change: FileChange, isGivenUp: Bool) {
        if change.cells.isEmpty, change.sizeAfter == nil { return }
        pending.append(
            PendingChange(
                cells: change.cells, sizeAfter: change.sizeAfter, isTruncation: change.isTruncation,
                isGivenUp: isGivenUp))
    }

    /// After a sync: all is certain but what was given up and not written again.
    mutating func sync(_ pool: SectorPool) {
        var uncertain: [PendingChange] = []
        for change in pending {
            if change.isGivenUp {
                uncertain.append(change)
            } else {
                makeDurable(change.cells, pool)
                Self.take(change.cells, outOf: &uncertain)
            }
            if let size = change.sizeAfter { durableSize = size }
        }
        for index in uncertain.indices { uncertain[index].sizeAfter = nil }
        pending = uncertain.filter { !$0.cells.isEmpty }
    }

    /// After an O_DSYNC write has returned, which was appended last: it is certain, and with it the size that it needs.
    mutating func settleLast(_ pool: SectorPool) {
        guard let last = pending.popLast() else { return }
        makeDurable(last.cells, pool)
        Self.take(last.cells, outOf: &pending)
        let end = last.cells.last.map { (Int($0.sector) + 1) * sectorByteCount } ?? 0
        let latest = last.sizeAfter ?? pending.last { $0.sizeAfter != nil }?.sizeAfter ?? durableSize
        if let size = last.sizeAfter {
            durableSize = size
        } else if durableSize < end {
            durableSize = max(durableSize, min(end, latest))
        }
        for index in pending.indices where pending[index].sizeAfter.map({ $0 <= durableSize }) ?? false {
            pending[index].sizeAfter = nil
        }
        pending.removeAll { $0.cells.isEmpty && $0.sizeAfter == nil }
    }

    private mutating func makeDurable(_ cells: [SectorCell], _ pool: SectorPool) {
        for cell in cells {
            let sector = Int(cell.sector)
            if sector >= durable.count {
                if cell.id == 0 { continue }
                durable += [UInt32](repeating: 0, count: sector + 1 - durable.count)
            }
            durableHash = durableHash &+ pool.hash(cell.id) &- pool.hash(durable[sector])
            durable[sector] = cell.id
        }
    }

    /// Takes sectors that are certain out of changes before.
    private static func take(_ cells: [SectorCell], outOf changes: inout [PendingChange]) {
        if changes.isEmpty || cells.isEmpty { return }
        let taken = Set(cells.map(\.sector))
        for index in changes.indices { changes[index].cells.removeAll { taken.contains($0.sector) } }
    }
}
