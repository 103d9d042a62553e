// Opens TLS connections to hosts: the first of a host's addresses with a peer that does TLS as is demanded.
package import NIOCore
import NIOPosix

/// A host to connect to, and how.
package struct HostDial: Sendable {
    package let host: String
    package let port: Int
    package let tls: TLSTerms
    /// For the connection and its TLS handshake together, at all addresses of the host.
    package let timeout: Duration
    package let silence: PeerSilence
    /// Whether an IP address of the host may be connected to, whatever name led there; nil where any may.
    package let mayReach: (@Sendable (String) -> Bool)?

    package init(
        host: String, port: Int, tls: TLSTerms, timeout: Duration, silence: PeerSilence,
        mayReach: (@Sendable (String) -> Bool)? = nil
    ) {
        self.host = host
        self.port = port
        self.tls = tls
        self.timeout = timeout
        self.silence = silence
        self.mayReach = mayReach
    }

    /// Host and port as they stand in the field `Host`.
    package var authority: String { Self.authority(host, port) }

    package static func authority(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Whether the host is an address, so that there is no other one to try.
    package var isAddress: Bool { (try? SocketAddress(ipAddress: host, port: 0)) != nil }

    /// When attempts that begin now have to be over.
    package var deadline: NIODeadline { .now() + TimeAmount(timeout) }
}

/// Opens connections.
package struct HostDialler: Sendable {
    private let group: any EventLoopGroup
    private let makeResolver: ResolverMaker

    package init(group: any EventLoopGroup, makeResolver: @escaping ResolverMaker) {
        self.group = group
        self.makeResolver = makeResolver
    }

    package func next() -> any EventLoop { group.next() }

    /// A connection whose TLS is up; `initialize` adds what is to be spoken on it.
    ///
    /// - Parameters:
    ///   - loop: The event loop that it is to be on; nil for any.
    ///   - terms: Of all attempts; nil where they have the dial's own time.
    package func connect<Output: Sendable>(
        _ dial: HostDial, on loop: (any EventLoop)? = nil, _ terms: AttemptTerms? = nil,
        initialize: @escaping @Sendable (any Channel) throws -> Output
    ) async throws -> Output {
        let loop = loop ?? next()
        let terms = terms ?? AttemptTerms(until: dial.deadline)
        return try await ClientBootstrap(group: loop)
            .resolver(makeResolver(loop))
            .connectTimeout(terms.limit)
            .channelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: dial.host, port: dial.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try dial.silence.apply(to: channel)
                    let pipeline = channel.pipeline.syncOperations
                    if let mayReach = dial.mayReach { try pipeline.addHandler(AddressFilter(mayReach: mayReach)) }
                    try pipeline.addHandler(try dial.tls.makeHandler(hostName: dial.isAddress ? nil : dial.host))
                    try pipeline.addHandler(ConnectionAttempt(terms))
                    return try initialize(channel)
                }
            }
    }
}

/// Refuses connections to addresses that are not to be reached.
private final class AddressFilter: ChannelOutboundHandler {
    typealias OutboundIn = Never
    private let mayReach: (String) -> Bool

    init(mayReach: @escaping (String) -> Bool) { self.mayReach = mayReach }

    func connect(context: ChannelHandlerContext, to address: SocketAddress, promise: EventLoopPromise<Void>?) {
        if let text = address.ipAddress, mayReach(text) {
            context.connect(to: address, promise: promise)
        } else {
            promise?.fail(RefusedAddress())
        }
    }
}

/// Which address it was is told with it.
struct RefusedAddress: Error, CustomStringConvertible {
    let description = "nothing is sent to such an address"
}
