// A password in memory that is overwritten after use.
import Glibc
import OperatingSystem
import Synchronization

/// The bytes lie in one place, which is zeroed when they are not needed any more, at the latest with this object. The
/// text that it was made of is its owner's to forget.
package final class TypedSecret: Sendable {
    private let bytes: Mutex<[UInt8]>

    /// Copies the text's bytes. The text itself stays in memory until its owner's copies are gone, and is not zeroed.
    package init(_ text: String) {
        bytes = Mutex(Array(text.utf8))
    }

    /// Takes the bytes and zeroes the caller's.
    package init(taking source: inout [UInt8]) {
        // A copy that shares no storage with the source.
        bytes = Mutex(source.map { $0 })
        Self.wipe(&source)
    }

    deinit { wipe() }

    /// Overwrites the bytes; the secret is empty from now on.
    package func wipe() {
        bytes.withLock { Self.wipe(&$0) }
    }

    /// ssh's helpers hand over one line.
    static let byteCountMax = 1_000

    /// Whether it can be handed over as one line.
    var isOneLine: Bool {
        bytes.withLock { bytes in
            bytes.count <= Self.byteCountMax
                && !bytes.contains { $0 == 0 || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        }
    }

    /// Calls `body` with a byte and the secret behind it, in storage that is zeroed afterwards.
    func withBytes<Result>(
        after first: UInt8, _ body: ([UInt8]) throws(SystemError) -> Result
    ) throws(SystemError) -> Result {
        var copy: [UInt8] = bytes.withLock { bytes in
            var copy: [UInt8] = []
            // Growing would leave copies behind.
            copy.reserveCapacity(bytes.count + 1)
            copy.append(first)
            copy.append(contentsOf: bytes)
            return copy
        }
        defer { Self.wipe(&copy) }
        return try body(copy)
    }

    static func wipe(_ bytes: inout [UInt8]) {
        unsafe bytes.withUnsafeMutableBytes { room in
            guard let start = room.baseAddress else { return }
            // Not left out by the compiler, as writing zeros before the end of a life would be.
            unsafe explicit_bzero(start, room.count)
        }
        bytes.removeAll()
    }
}
