// Tells which sessions' records were replaced.
import OperatingSystem
import Synchronization

/// Watches sessions' directories for records that are renamed into them.
final class RecordWatch: Sendable {
    private let watch: DirectoryWatch
    /// By what their directories are watched under.
    private let ids = Mutex([CInt: String]())

    init() throws(SystemError) {
        watch = try DirectoryWatch("the sessions' records")
    }

    /// Read the record after this call: what was written before is not told.
    func add(_ directory: SessionDirectory) throws(SystemError) {
        let number = try watch.add(directory.path, .movedIn)
        ids.withLock { $0[number] = directory.id }
    }

    func remove(_ directory: SessionDirectory) {
        let number = ids.withLock { ids in
            let number = ids.first { $0.value == directory.id }?.key
            if let number { ids[number] = nil }
            return number
        }
        if let number { watch.remove(number) }
    }

    /// The sessions whose records have changed, as soon as there are some; every one when events were lost. Empty when
    /// the task is cancelled.
    func next() async throws(SystemError) -> Set<String> {
        while true {
            let events = try await watch.next()
            if events.isEmpty { return [] }
            let found = changes(events)
            if !found.isEmpty { return found }
        }
    }

    private func changes(_ events: [DirectoryWatch.Event]) -> Set<String> {
        let ids = ids.withLock { $0 }
        var found: Set<String> = []
        for event in events {
            switch event {
            case .overflow: found.formUnion(ids.values)
            case .changed(let number, SessionDirectory.recordName):
                if let id = ids[number] { found.insert(id) }
            case .changed: break
            }
        }
        return found
    }
}
