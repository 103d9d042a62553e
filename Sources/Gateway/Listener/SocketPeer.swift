// Whose process is at the other end of a Unix socket, as the kernel says.
package import Glibc
package import NIOCore

/// The kernel's `struct ucred`, which Glibc shows only to programs of the GNU dialect.
package struct SocketPeer: Sendable {
    private var process: pid_t = 0
    private var user: uid_t = 0
    private var group: gid_t = 0

    /// The user whose process is at the other end of a Unix socket.
    package static func user(of channel: any Channel) -> EventLoopFuture<uid_t?> {
        guard let provider = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeSucceededFuture(nil)
        }
        let credentials: EventLoopFuture<SocketPeer> = provider.unsafeGetSocketOption(
            level: .socket, name: .init(rawValue: SO_PEERCRED))
        return credentials.map { $0.user }
    }
}
