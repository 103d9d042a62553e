// Opens TLS connections to hosts: the first of a host's addresses with a peer that does TLS as is demanded.
package import NIOCore
import NIOPosix
package import OperatingSystem

/// A host to connect to, and how.
package struct HostDial: Sendable {
    /// Who is connected to. The name is looked up anew each time.
    package let destination: HostAndPort
    /// Whose certificate is believed, and which one this end shows.
    package let tls: TLSTerms
    /// For the connection and its TLS handshake together, at all addresses of the host.
    package let timeout: Duration
    /// What is done about a peer from which nothing is heard any more.
    package let silence: PeerSilence
    /// Whether an IP address of the host may be connected to, whatever name led there; nil where any may.
    package let mayReach: (@Sendable (String) -> Bool)?
    /// Through which proxy it goes.
    package let proxy: ProxyChoice

    /// A host to connect to, without a limit to its addresses and by way of the environment's proxy, unless it is said.
    package init(
        _ destination: HostAndPort, tls: TLSTerms, timeout: Duration, silence: PeerSilence,
        mayReach: (@Sendable (String) -> Bool)? = nil, proxy: ProxyChoice = .environment
    ) {
        self.destination = destination
        self.proxy = proxy
        self.tls = tls
        self.timeout = timeout
        self.silence = silence
        self.mayReach = mayReach
    }

    var host: String { destination.host }

    /// Whether the host is an address, so that there is no other one to try.
    var isAddress: Bool { (try? SocketAddress(ipAddress: host, port: 0)) != nil }

    /// When attempts that begin now have to be over.
    package var deadline: NIODeadline { .now() + TimeAmount(timeout) }
}

/// Opens connections.
package struct HostDialler: Sendable {
    private let group: any EventLoopGroup
    private let makeResolver: ResolverMaker
    private let proxies: ProxyRules

    /// - Parameters:
    ///   - group: Where connections live that are on no event loop in particular.
    ///   - makeResolver: Looks names up; it is asked once for each connect.
    ///   - proxies: What the environment says of proxies.
    package init(group: any EventLoopGroup, makeResolver: @escaping ResolverMaker, proxies: ProxyRules) {
        self.group = group
        self.makeResolver = makeResolver
        self.proxies = proxies
    }

    /// An event loop of the group, in turn.
    package func next() -> any EventLoop { group.next() }

    /// Whether there is only one end to come to: of a name with several addresses others may lead elsewhere. Where a proxy
    /// looks the name up nobody else knows them.
    package func hasOneEnd(_ dial: HostDial) -> Bool { dial.isAddress || proxy(dial) != nil }

    /// Where the proxy is that connections go through; nil where they go there themselves.
    package func proxyEndpoint(_ dial: HostDial) -> HostAndPort? { proxy(dial)?.endpoint }

    private func proxy(_ dial: HostDial) -> OutboundProxy? {
        switch dial.proxy {
        case .environment: proxies.proxy(for: dial.destination)
        case .noProxy: nil
        case .proxy(let proxy): proxy
        }
    }

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
        guard let proxy = proxy(dial) else { return try await open(dial, nil, loop, terms, initialize) }
        // What a name stands for is the proxy's to look up, and to allow.
        if dial.isAddress, let mayReach = dial.mayReach, !mayReach(dial.host) { throw RefusedAddress() }
        do {
            return try await open(dial, proxy, loop, terms, initialize)
        } catch {
            throw ProxiedConnectionError(proxy: proxy, destination: dial.destination, error: error)
        }
    }

    private func open<Output: Sendable>(
        _ dial: HostDial, _ proxy: OutboundProxy?, _ loop: any EventLoop, _ terms: AttemptTerms,
        _ initialize: @escaping @Sendable (any Channel) throws -> Output
    ) async throws -> Output {
        let first = proxy?.endpoint ?? dial.destination
        return try await ClientBootstrap(group: loop)
            .resolver(makeResolver(loop))
            .connectTimeout(terms.limit)
            .channelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: first.host, port: first.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try dial.silence.apply(to: channel)
                    let pipeline = channel.pipeline.syncOperations
                    let tunnel = proxy.map { ProxyTunnel($0, to: dial.destination) }
                    if let tunnel {
                        try pipeline.addHandler(tunnel)
                    } else if let mayReach = dial.mayReach {
                        try pipeline.addHandler(AddressFilter(mayReach: mayReach))
                    }
                    try pipeline.addHandler(try dial.tls.makeHandler(hostName: dial.isAddress ? nil : dial.host))
                    try pipeline.addHandler(ConnectionAttempt(terms, through: tunnel))
                    return try initialize(channel)
                }
            }
    }
}

/// Refuses connections to addresses that are not to be reached.
final class AddressFilter: ChannelOutboundHandler {
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
