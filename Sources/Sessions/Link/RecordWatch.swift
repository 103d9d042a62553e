// Tells which sessions' records were replaced: the kernel's inotify.
import Glibc
import Synchronization

/// Watches directories for files that are renamed into them.
final class RecordWatch: Sendable {
    private let queue: OwnedDescriptor
    private let ids = Mutex([CInt: String]())

    /// Length of the fixed part of an event; then follows a name.
    private static let headerBytes = 16

    init() throws(SessionsError) {
        let raw = inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK))
        guard raw >= 0 else { throw .call(name: "inotify_init1", subject: "the sessions' records", code: errno) }
        queue = OwnedDescriptor(adopting: raw)
    }

    /// Read the record after this call: what was written before is not told.
    func add(_ directory: SessionDirectory) throws(SessionsError) {
        let number = unsafe inotify_add_watch(queue.raw, directory.path, UInt32(IN_MOVED_TO) | UInt32(IN_ONLYDIR))
        guard number >= 0 else { throw .call(name: "inotify_add_watch", subject: directory.path, code: errno) }
        ids.withLock { $0[number] = directory.id }
    }

    func remove(_ directory: SessionDirectory) {
        let number = ids.withLock { ids in
            let number = ids.first { $0.value == directory.id }?.key
            if let number { ids[number] = nil }
            return number
        }
        if let number { inotify_rm_watch(queue.raw, number) }
    }

    /// The sessions whose records have changed, as soon as there are some; every one when events were lost. Empty when
    /// the task is cancelled.
    func next() async throws(SessionsError) -> Set<String> {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !Task.isCancelled {
            if let count = try queue.read(into: &buffer) {
                let found = changes(buffer.prefix(count))
                if !found.isEmpty { return found }
            }
            await Readiness.untilReadable(queue)
        }
        return []
    }

    private func changes(_ bytes: ArraySlice<UInt8>) -> Set<String> {
        let ids = ids.withLock { $0 }
        var found: Set<String> = []
        var rest = bytes
        while rest.count >= Self.headerBytes {
            // A watch, what happened, a cookie, the length of the name; then the name, filled up with zeros.
            let watch = CInt(bitPattern: Self.word(rest, 0))
            let what = Self.word(rest, 4)
            let name = rest.dropFirst(Self.headerBytes).prefix(Int(Self.word(rest, 12)))
            if what & UInt32(IN_Q_OVERFLOW) != 0 { found.formUnion(ids.values) }
            if let id = ids[watch], name.prefix(while: { $0 != 0 }).elementsEqual(SessionDirectory.recordName.utf8) {
                found.insert(id)
            }
            rest = rest.dropFirst(Self.headerBytes + name.count)
        }
        return found
    }

    /// In the order of bytes of the platforms of this program, the low one first.
    private static func word(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> UInt32 {
        bytes.dropFirst(offset).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
