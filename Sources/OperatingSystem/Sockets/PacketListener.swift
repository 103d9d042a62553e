// Listens for packet connections at a path.
package import Glibc
import Synchronization

/// A listening socket with its file, which goes with it.
package final class PacketListener: Sendable {
    /// Connections that the kernel keeps until they are accepted.
    private static let backlog: CInt = 128
    /// How long to wait before accepting again when the process has no descriptors left.
    private static let exhaustedPause: Duration = .milliseconds(200)

    /// The socket's file.
    package let path: String
    private let descriptor: OwnedDescriptor
    /// A listener that was shut down is readable for ever, and `accept` does not say why.
    private let isClosed = Atomic(false)

    private init(path: String, descriptor: OwnedDescriptor) {
        self.path = path
        self.descriptor = descriptor
    }

    /// Listens at a path. The file of a listener that is no more is replaced; one that answers is an error.
    ///
    /// - Parameter mode: Who may connect: writing is what counts.
    package static func listen(_ path: String, mode: mode_t) throws(SystemError) -> PacketListener {
        try removeStale(path)
        let descriptor = try UnixAddress.makeSocket(SOCK_SEQPACKET, subject: path)
        guard try unsafe UnixAddress.with(path, { unsafe bind(descriptor.raw, $0, $1) }) == 0 else {
            throw errno == EADDRINUSE ? .socketInUse(path: path) : .call(name: "bind", subject: path, code: errno)
        }
        guard unsafe chmod(path, mode) == 0 else { throw .call(name: "chmod", subject: path, code: errno) }
        guard Glibc.listen(descriptor.raw, backlog) == 0 else {
            throw .call(name: "listen", subject: path, code: errno)
        }
        return PacketListener(path: path, descriptor: descriptor)
    }

    private static func removeStale(_ path: String) throws(SystemError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw .notPrivate(path: path, detail: "is not a socket; move it away")
        }
        do throws(SystemError) {
            _ = try UnixAddress.connect(SOCK_SEQPACKET, path)
        } catch .call(_, _, ECONNREFUSED) {
            return try PrivateDirectory.removeFile(path)
        } catch .call(_, _, EPROTOTYPE) {
            // Somebody listens, for something else.
        }
        throw .socketInUse(path: path)
    }

    /// The next connection; `nil` once the listener is closed or the task is cancelled.
    package func accept() async throws(SystemError) -> PacketSocket? {
        while !Task.isCancelled, !isClosed.load(ordering: .acquiring) {
            let raw = try Kernel.accept(descriptor)
            if raw >= 0 { return try PacketSocket(adopting: OwnedDescriptor(adopting: raw)) }
            switch errno {
            case EAGAIN: await Readiness.untilReadable(descriptor)
            case EINTR, ECONNABORTED: continue
            case EINVAL: return nil
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: try? await Task.sleep(for: Self.exhaustedPause)
            default: throw .call(name: "accept", subject: path, code: errno)
            }
        }
        return nil
    }

    /// Ends listening: `accept` returns, the file is removed.
    package func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        unsafe unlink(path)
        _ = shutdown(descriptor.raw, CInt(SHUT_RDWR))
    }
}
