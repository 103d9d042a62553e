// What a workload runs in: a directory that is recorded, a journal in it, a clock, and the shim's control file.
import Glibc
import Replica
import Synchronization

/// A clock that stands still until a workload moves it.
final class WorkloadClock: Sendable {
    /// Some moment, the same at every run, in milliseconds.
    static let start: UInt64 = 1_800_000_000_000

    private let state = Mutex(WorkloadClock.start)

    var now: WallTime { WallTime(milliseconds: state.withLock { $0 }) }

    func advance(byMilliseconds count: UInt64) { state.withLock { $0 += count } }
    func goBack(byMilliseconds count: UInt64) { state.withLock { $0 -= count } }
}

/// Writes notes, each in one call, so that the recording has them among all else that happened.
struct Journal: Sendable {
    private let descriptor: Int32
    private let path: String

    init(directory: String) throws(CrashPointError) {
        path = directory + "/" + journalName
        descriptor = try RawFile.open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND)
    }

    func write(_ note: Note) throws(CrashPointError) {
        try RawFile.write(Array((note.line + "\n").utf8), to: descriptor, name: path)
    }
}

/// Where a workload runs.
final class Stage {
    let directory: String
    let journal: Journal
    let clock = WorkloadClock()
    let control: ShimControl?
    var generator: SeededGenerator

    init(directory: String, seed: UInt64) throws(CrashPointError) {
        self.directory = directory
        journal = try Journal(directory: directory)
        control = try ShimControl.inherited()
        generator = SeededGenerator(seed: seed)
    }

    func path(_ name: String) -> String { directory + "/" + name }

    /// Makes a directory whose name is certain, for what the store expects to find.
    func makeDirectory(_ name: String) throws(CrashPointError) {
        try RawFile.makeDirectory(path(name))
        try RawFile.synchronize(directory)
    }

    func requireControl() throws(CrashPointError) -> ShimControl {
        if let control { return control }
        throw .workload("it makes calls fail, for which FASTX_SHIM_CONTROL must name a control file")
    }
}
