// Connections whose other end is gone without a word: the system finds out, and closes them.
import Glibc
package import NIOCore

/// What TCP does about a peer from which nothing is heard.
package enum PeerSilence: Sendable {
    /// It closes the connection. A display on which nobody types says nothing for hours.
    case limited
    /// It asks now and then, as the system has it. Links say by themselves that they live.
    case probed
    /// It waits.
    case ignored

    /// How long the other host may acknowledge nothing.
    private static let limit = 30
    /// After how long without a word it is asked, and how often then; in seconds.
    private static let askedAfter = 15
    private static let askedEvery = 5

    private var options: [(option: ChannelOptions.Types.SocketOption, value: Int)] {
        switch self {
        case .ignored: [(ChannelOptions.socketOption(.so_keepalive), 0)]
        case .probed: [(ChannelOptions.socketOption(.so_keepalive), 1)]
        case .limited:
            [
                (ChannelOptions.socketOption(.so_keepalive), 1),
                (Self.tcp(TCP_KEEPIDLE), Self.askedAfter),
                (Self.tcp(TCP_KEEPINTVL), Self.askedEvery),
                (Self.tcp(TCP_KEEPCNT), (Self.limit - Self.askedAfter) / Self.askedEvery),
                // For what was sent and is not acknowledged; in milliseconds.
                (Self.tcp(TCP_USER_TIMEOUT), Self.limit * 1_000),
            ]
        }
    }

    private static func tcp(_ name: CInt) -> ChannelOptions.Types.SocketOption {
        ChannelOptions.tcpOption(NIOBSDSocket.Option(rawValue: name))
    }

    /// Sets a connection of TCP up, also before it is there. On its event loop.
    package func apply(to channel: any Channel) throws {
        guard let settings = channel.syncOptions else { return }
        for (option, value) in options { try settings.setOption(option, value: value) }
    }
}
