// The images that a power cut can leave of one file at one moment.

/// One image: what each sector that may differ holds, and the size.
package struct DiskImage: Sendable, Hashable {
    /// For each of the window's sectors the number of what it holds.
    package fileprivate(set) var ids: [UInt32]
    package fileprivate(set) var size: Int
    /// Of the bytes that a reader sees: the same for two images exactly if they read alike.
    package fileprivate(set) var hash: UInt128 = 0
}

/// A file at one moment: its durable content and the pending changes, laid out so that an image is made fast.
package struct FileWindow: Sendable {
    /// A pending change: for each of its sectors the place among the window's, and what it would hold.
    private struct Change: Sendable {
        var slots: [Int32]
        var ids: [UInt32]
        var sizeAfter: Int?
        var isTruncation: Bool
    }

    package let pool: SectorPool
    package let durable: [UInt32]
    package let durableSize: Int
    /// The sectors that may differ, ascending.
    package let sectors: [Int]
    private let durableHash: UInt128
    private let latestSize: Int
    private let base: [UInt32]
    private let changes: [Change]

    init(_ file: FileModel, _ pool: SectorPool) {
        self.pool = pool
        durable = file.durable
        durableSize = file.durableSize
        durableHash = file.durableHash
        latestSize = file.pending.last { $0.sizeAfter != nil }?.sizeAfter ?? file.durableSize
        let touched = Set(file.pending.flatMap { $0.cells.map(\.sector) }).sorted()
        var slots: [Int32: Int32] = [:]
        for (slot, sector) in touched.enumerated() { slots[sector] = Int32(slot) }
        changes = file.pending.map { change in
            Change(
                slots: change.cells.map { slots[$0.sector] ?? 0 }, ids: change.cells.map(\.id),
                sizeAfter: change.sizeAfter, isTruncation: change.isTruncation)
        }
        sectors = touched.map { Int($0) }
        base = sectors.map { $0 < file.durable.count ? file.durable[$0] : 0 }
    }

    package var changeCount: Int { changes.count }

    /// How many sectors a change may be torn at.
    package func sectorCount(ofChange change: Int) -> Int {
        changes[change].isTruncation ? 0 : changes[change].slots.count
    }

    /// Whether the size can be the latest one although changes are missing.
    package var canGrow: Bool { latestSize > durableSize }

    /// The image of a choice. Changes that there are not are passed over.
    package func image(_ choice: ImageChoice) -> DiskImage {
        var image = DiskImage(ids: base, size: durableSize)
        switch choice {
        case .subset(let bits, let isGrown):
            for index in changes.indices where index < 64 && bits >> UInt64(index) & 1 != 0 { include(index, &image) }
            if isGrown { image.size = latestSize }
        case .without(let change, let isGrown):
            for index in changes.indices where index != change { include(index, &image) }
            if isGrown { image.size = latestSize }
        case .only(let change, let isGrown):
            if changes.indices.contains(change) { include(change, &image) }
            if isGrown { image.size = latestSize }
        case .torn(let change, let count, let withOthers):
            for index in changes.indices {
                if index == change {
                    include(index, prefix: count, &image)
                } else if withOthers {
                    include(index, &image)
                }
            }
        case .random(let seed):
            draw(seed, &image)
        }
        finish(&image)
        return image
    }

    // MARK: Changes

    private func include(_ index: Int, _ image: inout DiskImage) {
        let change = changes[index]
        for position in change.slots.indices { image.ids[Int(change.slots[position])] = change.ids[position] }
        if let size = change.sizeAfter { image.size = size }
    }

    private func include(_ index: Int, prefix count: Int, _ image: inout DiskImage) {
        let change = changes[index]
        guard count < change.slots.count, !change.isTruncation else { return include(index, &image) }
        for position in 0..<max(0, count) { include(change, position, &image) }
    }

    /// Includes one sector; a size that the change leads to then covers at least that.
    @inline(__always)
    private func include(_ change: Change, _ position: Int, _ image: inout DiskImage) {
        let slot = Int(change.slots[position])
        image.ids[slot] = change.ids[position]
        if let size = change.sizeAfter {
            image.size = max(image.size, min(size, (sectors[slot] + 1) * sectorByteCount))
        }
    }

    /// How finely a random image is torn, and how much of it is there.
    private func draw(_ seed: UInt64, _ image: inout DiskImage) {
        var generator = SeededGenerator(seed: seed)
        let style = generator.next()
        // Of 8 changes, or parts of them, so many are there.
        let share = 1 + Int(style % 7)
        // Whole changes and torn ones; or all torn, by pages or by sectors.
        let tornShare = [2, 8, 8, 8][Int(style >> 8 & 3)]
        let runLength = style >> 16 & 1 == 0 ? 1 : 8
        for index in changes.indices {
            let change = changes[index]
            guard generator.below(8) < tornShare, !change.isTruncation else {
                if generator.below(8) < share { include(index, &image) }
                continue
            }
            var isIncluded = false
            for position in change.slots.indices {
                if position.isMultiple(of: runLength) { isIncluded = generator.below(8) < share }
                if isIncluded { include(change, position, &image) }
            }
        }
        if style >> 17 & 3 == 0 { image.size = latestSize }
    }

    // MARK: The hash

    private func finish(_ image: inout DiskImage) {
        let visibleCount = (image.size + sectorByteCount - 1) / sectorByteCount
        var hash = durableHash
        for slot in image.ids.indices {
            if sectors[slot] >= visibleCount { image.ids[slot] = 0 }
            let id = image.ids[slot]
            if id != base[slot] { hash = hash &+ pool.hash(id) &- pool.hash(base[slot]) }
        }
        if image.size < durableSize { hash = hashOfShortened(image, visibleCount) }
        hash = hash &+ hashCorrection(image, visibleCount)
        image.hash = hash &+ UInt128(image.size) &* 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835
    }

    /// The sum over the sectors that are seen, where some durable ones are not.
    private func hashOfShortened(_ image: DiskImage, _ visibleCount: Int) -> UInt128 {
        var hash: UInt128 = 0
        for id in durable.prefix(visibleCount) { hash = hash &+ pool.hash(id) }
        for slot in sectors.indices where sectors[slot] < visibleCount {
            hash = hash &+ pool.hash(image.ids[slot]) &- pool.hash(base[slot])
        }
        return hash
    }

    /// What to add where the last sector is seen only in part.
    private func hashCorrection(_ image: DiskImage, _ visibleCount: Int) -> UInt128 {
        let seen = image.size % sectorByteCount
        if seen == 0 { return 0 }
        let last = visibleCount - 1
        var id = last < durable.count ? durable[last] : 0
        if let slot = sectors.firstIndex(of: last) { id = image.ids[slot] }
        return pool.hash(id, sector: last, prefix: seen) &- pool.hash(id)
    }

    /// The bytes of an image.
    package func bytes(of image: DiskImage) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: image.size)
        var ids = durable
        let visibleCount = (image.size + sectorByteCount - 1) / sectorByteCount
        if ids.count < visibleCount { ids += [UInt32](repeating: 0, count: visibleCount - ids.count) }
        for slot in sectors.indices where sectors[slot] < visibleCount { ids[sectors[slot]] = image.ids[slot] }
        for sector in 0..<visibleCount where ids[sector] != 0 {
            let start = sector * sectorByteCount
            let range = start..<min(start + sectorByteCount, image.size)
            bytes.replaceSubrange(range, with: pool.content(ids[sector]).prefix(range.count))
        }
        return bytes
    }
}
