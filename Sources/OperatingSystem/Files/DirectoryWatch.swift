// Tells what happens in directories: the kernel's inotify.
import Glibc
import Synchronization

/// Watches directories. What happens is queued by the kernel from `add` on.
package final class DirectoryWatch: Sendable {
    /// What is told of.
    package struct Changes: OptionSet, Sendable {
        /// The bits of inotify(7).
        package let rawValue: UInt32

        /// Any bits of inotify(7), whether they have a name below or not.
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        /// A file that was open for writing is closed.
        package static let written = Changes(rawValue: UInt32(IN_CLOSE_WRITE))
        /// A name appears that was elsewhere before: how a file is replaced in one step.
        package static let movedIn = Changes(rawValue: UInt32(IN_MOVED_TO))
        /// A name is gone that is elsewhere now.
        package static let movedOut = Changes(rawValue: UInt32(IN_MOVED_FROM))
        /// A name appears that was nowhere before; of a file, nothing is written yet.
        package static let created = Changes(rawValue: UInt32(IN_CREATE))
        /// A file is removed.
        package static let deleted = Changes(rawValue: UInt32(IN_DELETE))
    }

    /// Something that happened.
    package enum Event: Sendable, Hashable {
        /// To the file of a name in a watched directory, which is known by what `add` returned for it.
        case changed(CInt, name: String)
        /// The kernel's queue was full: anything may have happened anywhere.
        case overflow
    }

    private let queue: OwnedDescriptor
    private let subject: String

    /// Length of the fixed part of an event; then follows a name.
    private static let headerBytes = 16

    /// - Parameter subject: What is watched, for errors.
    package init(_ subject: String) throws(SystemError) {
        self.subject = subject
        let raw = inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK))
        guard raw >= 0 else { throw .call(name: "inotify_init1", subject: subject, code: errno) }
        queue = OwnedDescriptor(adopting: raw)
    }

    /// Begins to watch a directory, and returns by what its events are known. Read what is there after this call: what
    /// was there before is not told.
    package func add(_ path: String, _ changes: Changes) throws(SystemError) -> CInt {
        let number = unsafe inotify_add_watch(queue.raw, path, changes.rawValue | UInt32(IN_ONLYDIR))
        guard number >= 0 else { throw .call(name: "inotify_add_watch", subject: path, code: errno) }
        return number
    }

    /// Ends the watch of a number that `add` returned. What happened before may still be told. A directory that is gone
    /// has ended its watch by itself, which is no error here.
    package func remove(_ number: CInt) { inotify_rm_watch(queue.raw, number) }

    /// All that has happened, as soon as something has; empty when the task is cancelled.
    package func next() async throws(SystemError) -> [Event] {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !Task.isCancelled {
            if let count = try queue.read(into: &buffer) {
                let events = Self.events(buffer.prefix(count))
                if !events.isEmpty { return events }
            }
            await Readiness.untilReadable(queue)
        }
        return []
    }

    private static func events(_ bytes: ArraySlice<UInt8>) -> [Event] {
        var found: [Event] = []
        var rest = bytes
        while rest.count >= headerBytes {
            // A watch, what happened, a cookie, the length of the name; then the name, filled up with zeros.
            let watch = CInt(bitPattern: word(rest, 0))
            let what = word(rest, 4)
            let name = rest.dropFirst(headerBytes).prefix(Int(word(rest, 12)))
            if what & UInt32(IN_Q_OVERFLOW) != 0 {
                found.append(.overflow)
            } else if what & UInt32(IN_IGNORED) == 0 {
                found.append(.changed(watch, name: String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)))
            }
            rest = rest.dropFirst(headerBytes + name.count)
        }
        return found
    }

    /// In the order of bytes of the platforms of this program, the low one first.
    private static func word(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> UInt32 {
        bytes.dropFirst(offset).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
