// Opens TLS connections to other members, bound to the certificate that each announces.
package import NIOCore
import NIOPosix
package import NIOSSL
import Relay
package import Replica
import Synchronization
import Transport
import Trust

/// Where another member is reached, by its own word in the map.
package struct MemberTarget: Sendable, Hashable {
    /// How connections to it come about.
    package enum Way: Sendable, Hashable {
        /// They are opened to its address. It has to show the certificate of the target.
        case address(host: String, port: Int)
        /// They are opened to its address, where a proxy ends TLS.
        case proxy(host: String, port: Int, ProxyTrust)
        /// It is asked to open them to this member, which is external.
        case relay
    }

    package let serverID: ServerID
    package let way: Way
    /// SHA-256 of the certificate that it serves, 32 bytes: what tokens for it are bound to. Nil behind a proxy.
    package let certificateSHA256: [UInt8]?
    /// Named by this host's own configuration: any address is right.
    package let isConfigured: Bool

    package init(serverID: ServerID, way: Way, certificateSHA256: [UInt8]?, isConfigured: Bool = false) {
        self.serverID = serverID
        self.way = way
        self.certificateSHA256 = certificateSHA256
        self.isConfigured = isConfigured
    }

    /// The host that is connected to; nil where the member opens the connections.
    var host: String? {
        switch way {
        case .address(let host, _), .proxy(let host, _, _): host
        case .relay: nil
        }
    }

    /// Host and port as they stand in the field `Host`.
    package var authority: String {
        switch way {
        case .address(let host, let port), .proxy(let host, let port, _):
            host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .relay: serverID.text
        }
    }
}

/// By what the certificate of a proxy is believed.
package struct ProxyTrust: Sendable, Hashable {
    /// Authorities to trust; nil for those of the system.
    package var authorities: [NIOSSLCertificate]?
    /// The name that the certificate must have; nil for the host's.
    package var serverName: String?

    package init(authorities: [NIOSSLCertificate]?, serverName: String?) {
        self.authorities = authorities
        self.serverName = serverName
    }
}

/// TLS contexts, each made once: one takes a megabyte and a millisecond where it reads the system's authorities.
private final class ClientContexts: Sendable {
    private struct State {
        var pinned: NIOSSLContext?
        var trusting: [[NIOSSLCertificate]?: NIOSSLContext] = [:]
    }

    private let state = Mutex(State())

    private static var configuration: TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        return configuration
    }

    /// For certificates that are known: they are compared, so that no authority is needed and none can err.
    func pinned() throws -> NIOSSLContext {
        try state.withLock { state in
            if let context = state.pinned { return context }
            var configuration = Self.configuration
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates([])
            let context = try NIOSSLContext(configuration: configuration)
            state.pinned = context
            return context
        }
    }

    /// For certificates that an authority has signed: one of these, or of the system's.
    func trusting(_ authorities: [NIOSSLCertificate]?) throws -> NIOSSLContext {
        try state.withLock { state in
            if let context = state.trusting[authorities] { return context }
            var configuration = Self.configuration
            configuration.trustRoots = authorities.map { .certificates($0) } ?? .default
            let context = try NIOSSLContext(configuration: configuration)
            state.trusting[authorities] = context
            return context
        }
    }
}

/// Opens connections.
struct MemberDialler: Sendable {
    let group: any EventLoopGroup
    /// Where members are asked for connections; nil on a member that is not external.
    let relay: RelayExchange?
    /// Whether an IP address may be connected to that another member announces.
    let mayReach: @Sendable (String) -> Bool
    private let makeResolver: ResolverMaker

    private let contexts = ClientContexts()

    /// For the connection and its TLS handshake together, at all addresses of a host.
    static let connectTimeMax: Duration = .seconds(5)

    init(
        group: any EventLoopGroup, makeResolver: @escaping ResolverMaker, relay: RelayExchange?,
        mayReach: @escaping @Sendable (String) -> Bool
    ) {
        self.group = group
        self.makeResolver = makeResolver
        self.relay = relay
        self.mayReach = mayReach
    }

    /// A connection; `initialize` adds what is to be spoken on it. One that is opened to an address is on the event loop
    /// asked for; one that the member opened is on any.
    func connect<Output: Sendable>(
        _ target: MemberTarget, on loop: (any EventLoop)? = nil,
        _ initialize: @escaping @Sendable (any Channel) throws -> Output
    ) async throws -> Output {
        switch target.way {
        case .relay:
            guard let relay else { throw RelayError.notLinked(target.serverID) }
            let channel = try await relay.connect(to: target.serverID)
            do {
                return try await channel.eventLoop.submit { try initialize(channel) }.get()
            } catch {
                channel.close(promise: nil)
                throw error
            }
        case .address(let host, let port):
            let expected = target.certificateSHA256
            return try await connect(host, port, target, try contexts.pinned(), loop, initialize) { context, name in
                try NIOSSLClientHandler(context: context, serverHostname: name) { certificates, result in
                    let bytes = certificates.first.flatMap { try? $0.toDERBytes() } ?? []
                    let isExpected = expected.map { Sodium.isEqual(Sodium.sha256(bytes), $0) } ?? false
                    result.succeed(isExpected ? .certificateVerified : .failed)
                }
            }
        case .proxy(let host, let port, let trust):
            let context = try contexts.trusting(trust.authorities)
            return try await connect(host, port, target, context, loop, initialize) { context, name in
                try NIOSSLClientHandler(context: context, serverHostname: trust.serverName ?? name)
            }
        }
    }

    private func connect<Output: Sendable>(
        _ host: String, _ port: Int, _ target: MemberTarget, _ context: NIOSSLContext, _ loop: (any EventLoop)?,
        _ initialize: @escaping @Sendable (any Channel) throws -> Output,
        tls: @escaping @Sendable (NIOSSLContext, String?) throws -> NIOSSLClientHandler
    ) async throws -> Output {
        let loop = loop ?? group.next()
        let terms = AttemptTerms(until: .now() + TimeAmount(Self.connectTimeMax))
        return try await ClientBootstrap(group: loop)
            .resolver(makeResolver(loop))
            .connectTimeout(terms.limit)
            .channelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    for (option, value) in PeerSilence.options {
                        try channel.syncOptions?.setOption(option, value: value)
                    }
                    if !target.isConfigured {
                        try channel.pipeline.syncOperations.addHandler(AddressFilter(mayReach: mayReach))
                    }
                    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
                    try channel.pipeline.syncOperations.addHandler(try tls(context, isAddress ? nil : host))
                    try channel.pipeline.syncOperations.addHandler(ConnectionAttempt(terms))
                    return try initialize(channel)
                }
            }
    }
}

/// Refuses connections to addresses that members do not send requests to, whatever name led there.
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
