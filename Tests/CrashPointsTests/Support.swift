// Short logs written by hand, a naive account of what a disk may hold, and a toy store that is judged in memory.
import CrashPoints

/// A log of one file, `store/data.mdb`, whose directory and name are certain.
struct LogWriter {
    static let file: UInt32 = 1
    private static let journal: UInt32 = 2

    private(set) var operations: [RecordedOperation] = [
        RecordedOperation(fileID: Self.journal, action: .open(path: journalName, flags: 0o101)),
        RecordedOperation(fileID: 0, action: .makeDirectory(path: "store")),
        RecordedOperation(fileID: 0, action: .syncDirectory(path: ".")),
        RecordedOperation(fileID: Self.file, action: .open(path: "store/data.mdb", flags: 0o102)),
        RecordedOperation(fileID: 0, action: .syncDirectory(path: "store")),
    ]

    mutating func write(_ bytes: [UInt8], at offset: Int, _ promise: WritePromise = .nothing) {
        add(.write(offset: offset, bytes: bytes, promise))
    }

    mutating func sync() { add(.sync) }
    mutating func truncate(_ size: Int) { add(.truncate(size: size)) }

    mutating func add(_ action: RecordedOperation.Action, fileID: UInt32 = Self.file) {
        operations.append(RecordedOperation(fileID: fileID, action: action))
    }

    mutating func note(_ word: Note.Word, _ number: Int, _ state: MapState? = nil) {
        let line = Note(word, subject: "store", number: number, state: state).line + "\n"
        add(.write(offset: 0, bytes: Array(line.utf8), .nothing), fileID: Self.journal)
    }

    var recording: Recording { Recording(operations: operations) }

    /// The model of the disk after the whole log.
    func model() throws -> DiskModel {
        let timeline = try Timeline(recording)
        var model = DiskModel(timeline)
        for step in timeline.steps { model.apply(step) }
        return model
    }

    /// The window of the data file after the whole log.
    func window() throws -> FileWindow {
        // Number 0 is the journal.
        try model().window(of: 1)
    }
}

/// The same file by the plainest means: its bytes in memory, and for each sector and for the size everything that may
/// be on the disk.
struct NaiveFile {
    private(set) var bytes: [UInt8] = []
    private(set) var durable: [UInt8] = []
    /// The bytes after each change since the last sync.
    private var versions: [[UInt8]] = []

    mutating func write(_ new: [UInt8], at offset: Int) {
        if bytes.count < offset + new.count { bytes += repeatElement(0, count: offset + new.count - bytes.count) }
        bytes.replaceSubrange(offset..<(offset + new.count), with: new)
        versions.append(bytes)
    }

    mutating func truncate(_ size: Int) {
        bytes = Array((bytes + repeatElement(0, count: max(0, size - bytes.count))).prefix(size))
        versions.append(bytes)
    }

    mutating func sync() {
        durable = bytes
        versions = []
    }

    /// All contents that the disk may hold: of each sector any content since the last sync, and of each size between
    /// any two that there were, at the borders of sectors.
    func contents() -> Set<[UInt8]> {
        let all = [durable] + versions
        var sizes = Set(all.map(\.count))
        let largest = sizes.max() ?? 0
        for size in stride(from: 0, through: largest, by: sectorByteCount) where size >= (sizes.min() ?? 0) {
            sizes.insert(size)
        }
        var found: Set<[UInt8]> = [[]]
        for start in stride(from: 0, to: largest, by: sectorByteCount) {
            let parts = Set(all.map { Self.sector($0, start) })
            found = Set(found.flatMap { head in parts.map { head + $0 } })
        }
        return Set(sizes.flatMap { size in found.map { Array($0.prefix(size)) } })
    }

    private static func sector(_ bytes: [UInt8], _ start: Int) -> [UInt8] {
        let part = Array(bytes.dropFirst(start).prefix(sectorByteCount))
        return part + repeatElement(0, count: sectorByteCount - part.count)
    }
}

/// Everything that the enumeration would build of a window, and many random ones.
func allImages(_ window: FileWindow, randomCount: Int, seed: UInt64 = 1) -> [DiskImage] {
    let plan = ChoicePlan(window)
    var generator = SeededGenerator(seed: seed)
    return (0..<plan.torn.upperBound).map { window.image(plan.choice($0)) }
        + (0..<randomCount).map { _ in window.image(.random(generator.next())) }
}

/// A sector full of one byte.
func sector(_ byte: UInt8, count: Int = 1) -> [UInt8] { [UInt8](repeating: byte, count: count * sectorByteCount) }

/// A store of one number, which it writes to one of two places in turn, and then to a header that names the place.
enum ToyStore {
    static func state(_ number: Int) -> MapState { MapState(entryCount: number) }

    /// The log of some writes. Each value fills two sectors.
    static func log(_ count: Int, isCareful: Bool = true) -> LogWriter {
        var log = LogWriter()
        log.note(.begin, 0, state(0))
        log.write(sector(0, count: 2), at: place(0))
        log.sync()
        log.write(header(0), at: 0, .durable)
        log.note(.done, 0, state(0))
        for number in 1...count {
            log.note(.begin, number, state(number))
            log.write(sector(UInt8(number), count: 2), at: place(number))
            if isCareful { log.sync() }
            log.write(header(number), at: 0, .durable)
            log.note(.done, number, state(number))
        }
        return log
    }

    private static func place(_ number: Int) -> Int { (1 + 2 * (number % 2)) * sectorByteCount }

    private static func header(_ number: Int) -> [UInt8] { [0xFE] + sector(UInt8(number)).dropFirst() }

    /// What a content says.
    static func read(_ bytes: [UInt8]) -> ImageResult {
        guard bytes.count >= sectorByteCount, bytes[0] == 0xFE else { return .refused("it has no header", .empty) }
        let number = Int(bytes[1])
        let value = bytes.dropFirst(place(number)).prefix(2 * sectorByteCount)
        guard value.count == 2 * sectorByteCount, value.allSatisfy({ $0 == UInt8(number) }) else {
            return .damaged("value \(number) is not whole")
        }
        return .state(state(number))
    }
}

/// Judges images of the toy store, and counts them.
final class ToyJudge: ImageJudge {
    private(set) var contents: [[UInt8]] = []
    private(set) var fullCount = 0

    func judge(
        _ image: DiskImage, of file: Int, in window: FileWindow, kind: Subject.Kind, fully: Bool
    ) -> ImageResult {
        let bytes = window.bytes(of: image)
        contents.append(bytes)
        if fully { fullCount += 1 }
        return ToyStore.read(bytes)
    }

    func judgeAbsence(beside names: Set<String>?) -> ImageResult { .refused("there is nothing", .empty) }
}
