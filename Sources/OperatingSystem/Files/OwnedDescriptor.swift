// A file descriptor with one owner, which closes it.
package import Glibc
import Synchronization

/// Closes its descriptor when the last reference goes, unless it was taken.
package final class OwnedDescriptor: Sendable {
    private let number: Atomic<CInt>

    /// The descriptor's number, for a call that does not keep it; -1 once it was taken.
    package var raw: CInt { number.load(ordering: .acquiring) }

    /// Takes over an open descriptor, which nobody else may close from now on. A negative number is no descriptor, and
    /// nothing is closed then.
    package init(adopting raw: CInt) {
        number = Atomic(raw)
    }

    deinit {
        let last = raw
        if last >= 0 { Glibc.close(last) }
    }

    /// Hands the descriptor over: closing it is the caller's duty from now on. -1 the second time.
    package func take() -> CInt {
        number.exchange(-1, ordering: .acquiringAndReleasing)
    }
}

extension OwnedDescriptor {
    /// Opens a file; children do not inherit it.
    package static func open(_ path: String, _ flags: CInt, mode: mode_t = 0o600) throws(SystemError)
        -> OwnedDescriptor
    {
        let raw = unsafe Glibc.open(path, flags | O_CLOEXEC, mode)
        guard raw >= 0 else { throw .call(name: "open", subject: path, code: errno) }
        return OwnedDescriptor(adopting: raw)
    }

    /// A second descriptor of what this process has open under a number; children do not inherit it.
    package static func duplicate(_ raw: CInt) throws(SystemError) -> OwnedDescriptor {
        let copy = fcntl(raw, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw .call(name: "fcntl", subject: "descriptor \(raw)", code: errno) }
        return OwnedDescriptor(adopting: copy)
    }

    /// Reading and writing never wait from now on. This holds for every descriptor of the same open file, also those of
    /// other processes.
    package func setNonBlocking() throws(SystemError) {
        let flags = fcntl(raw, F_GETFL)
        guard flags >= 0, fcntl(raw, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw .call(name: "fcntl", subject: "a descriptor", code: errno)
        }
    }

    /// Reads once, up to the buffer's length; 0 at the end, `nil` where a non-blocking descriptor has nothing yet.
    package func read(into buffer: inout [UInt8]) throws(SystemError) -> Int? {
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(raw, $0.baseAddress, $0.count) }
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN: return nil
            default: throw .call(name: "read", subject: "a descriptor", code: errno)
            }
        }
    }

    /// Writes everything; for files and blocking descriptors.
    package func write(_ bytes: some Sequence<UInt8>, subject: String) throws(SystemError) {
        let all = Array(bytes)
        var written = 0
        while written < all.count {
            let count = unsafe all[written...].withUnsafeBytes { unsafe Glibc.write(raw, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .call(name: "write", subject: subject, code: errno) }
            written += count
        }
    }

    /// Everything from the descriptor's position on, at most `byteCountMax` bytes; for files.
    package func readAll(byteCountMax: Int) throws(SystemError) -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while all.count < byteCountMax, let count = try read(into: &chunk), count > 0 {
            all.append(contentsOf: chunk.prefix(min(count, byteCountMax - all.count)))
        }
        return all
    }
}
