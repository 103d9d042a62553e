// Connections whose other end is gone without a word: the system finds out, and closes them.
import Glibc
import NIOCore

/// Settings of TCP. Links say by themselves that they live; a display on which nobody types says nothing for hours.
enum PeerSilence {
    /// How long the other host may acknowledge nothing.
    private static let limit = 30
    /// After how long without a word it is asked, and how often then; in seconds.
    private static let askedAfter = 15
    private static let askedEvery = 5

    static let options: [(option: ChannelOptions.Types.SocketOption, value: Int)] = [
        (ChannelOptions.socketOption(.so_keepalive), 1),
        (tcp(TCP_KEEPIDLE), askedAfter),
        (tcp(TCP_KEEPINTVL), askedEvery),
        (tcp(TCP_KEEPCNT), (limit - askedAfter) / askedEvery),
        // For what was sent and is not acknowledged; in milliseconds.
        (tcp(TCP_USER_TIMEOUT), limit * 1_000),
    ]

    private static func tcp(_ name: CInt) -> ChannelOptions.Types.SocketOption {
        ChannelOptions.tcpOption(NIOBSDSocket.Option(rawValue: name))
    }

    /// Sets a channel up; one that is no connection of TCP is left as it is. On its event loop.
    static func limit(_ channel: any Channel) throws {
        guard channel.remoteAddress?.ipAddress != nil, let settings = channel.syncOptions else { return }
        for (option, value) in options { try settings.setOption(option, value: value) }
    }
}
