// Opens the connection of a link: TCP, TLS, the upgrade with this member's tokens.
package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOTLS
import NIOWebSocket
package import Trust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Opens connections to access points.
package struct Dialler: Sendable {
    /// Makes the tokens of an upgrade request, one for each cluster key.
    package typealias TokenMaker = @Sendable (RequestBinding) throws -> [String]

    private let group: any EventLoopGroup
    private let tokens: TokenMaker

    package init(group: any EventLoopGroup, tokens: @escaping TokenMaker) {
        self.group = group
        self.tokens = tokens
    }

    /// A connection that is upgraded, with the hash of the certificate that this end saw.
    package func dial(_ point: AccessPoint) async throws(DialError) -> LinkConnection {
        do {
            return try await withDeadline(point.options.timeout) { try await connect(point) }
        } catch let error as DialError {
            throw error
        } catch is CancellationError {
            throw DialError("unreachable: no answer in \(point.options.timeout)")
        } catch {
            throw DialError(ConnectionFailure.explain(error, host: point.host, timeout: point.options.timeout))
        }
    }

    private func connect(_ point: AccessPoint) async throws -> LinkConnection {
        let context = try Self.context(point.options)
        let loop = group.next()
        let handshake = loop.makePromise(of: Void.self)
        let bootstrap = ClientBootstrap(group: loop)
            .channelOption(ChannelOptions.socketOption(.so_keepalive), value: point.options.keepAlive ? 1 : 0)
            .channelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(TimeAmount(point.options.timeout))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let name = point.options.serverName ?? (Self.isAddress(point.host) ? nil : point.host)
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: name))
                    try channel.pipeline.syncOperations.addHandler(HandshakeWaiter(handshake))
                }
            }
        let channel: any Channel
        do {
            channel = try await bootstrap.connect(host: point.host, port: point.port).get()
        } catch {
            handshake.fail(error)
            throw error
        }
        return try await withTaskCancellationHandler {
            do {
                try await handshake.futureResult.get()
                return try await answered { try await upgrade(channel, point) }
            } catch {
                channel.close(promise: nil)
                throw error
            }
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// What TLS calls a connection that just ends means something else once its handshake is done.
    private func answered(_ body: () async throws -> LinkConnection) async throws -> LinkConnection {
        do {
            return try await body()
        } catch let error as NIOSSLError where error == .uncleanShutdown {
            throw DialError("not an agent: it closed the connection without an answer")
        }
    }

    private func upgrade(_ channel: any Channel, _ point: AccessPoint) async throws -> LinkConnection {
        var certificateHash: [UInt8]?
        if !point.options.isUnbound {
            guard let certificate = try await channel.nioSSL_peerCertificate().get() else {
                throw DialError("not an agent: it showed no certificate")
            }
            certificateHash = Sodium.sha256(try certificate.toDERBytes())
        }
        let head = try requestHead(point, certificateHash)
        let meter = LinkMeter()
        let negotiated = try await channel.eventLoop.flatSubmit { Self.upgrade(channel, head, meter) }.get()
        switch negotiated {
        case .link(let link):
            return LinkConnection(channel: link, meter: meter, address: point.url, certificateHash: certificateHash)
        case .refused(let refusal): throw try await refusal.get()
        }
    }

    private func requestHead(_ point: AccessPoint, _ certificateHash: [UInt8]?) throws -> HTTPRequestHead {
        let binding = RequestBinding(method: "GET", path: Message.path, certificateSHA256: certificateHash)
        let tokens = try tokens(binding)
        guard !tokens.isEmpty else {
            throw DialError("no common key: this member has no cluster key; make one with \"fastx-agent key new\"")
        }
        let host = point.host.contains(":") ? "[\(point.host)]:\(point.port)" : "\(point.host):\(point.port)"
        let headers: HTTPHeaders = [
            "host": host, "authorization": "Bearer \(tokens.joined(separator: ","))",
            "sec-websocket-protocol": Message.subprotocol, "content-length": "0",
        ]
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: Message.path, headers: headers)
    }

    private typealias LinkChannel = NIOAsyncChannel<LinkInbound, Message>

    /// What came of an upgrade request.
    private enum Negotiated: Sendable {
        case link(LinkChannel)
        /// Completes with the reason once the answer has been read.
        case refused(EventLoopFuture<DialError>)
    }

    private static func upgrade(
        _ channel: any Channel, _ head: HTTPRequestHead, _ meter: LinkMeter
    ) -> EventLoopFuture<Negotiated> {
        let upgrader = NIOTypedWebSocketClientUpgrader<Negotiated>(maxFrameSize: Message.byteCountMax) { channel, _ in
            channel.eventLoop.makeCompletedFuture { .link(try channel.configureLink(isClient: true, meter: meter)) }
        }
        let upgrade = NIOTypedHTTPClientUpgradeConfiguration<Negotiated>(
            upgradeRequestHead: head, upgraders: [upgrader]
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                let refusal = channel.eventLoop.makePromise(of: DialError.self)
                try channel.pipeline.syncOperations.addHandler(RefusalReader(refusal))
                return .refused(refusal.futureResult)
            }
        }
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration<Negotiated>(upgradeConfiguration: upgrade)
        // The peer's first messages may come together with its answer.
        configuration.leftOverBytesStrategy = .forwardBytes
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(configuration: configuration)
        }.flatMap { $0 }
    }

    private static func context(_ options: LinkOptions) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuites = tlsCipherSuites
        configuration.applicationProtocols = ["http/1.1"]
        // Without an authority the certificate is not believed but proven: both ends prove the cluster key over its
        // hash, and whoever put another certificate in between is found out.
        configuration.certificateVerification = options.demandsAuthority ? .fullVerification : .none
        configuration.trustRoots = options.authorities.map { .certificates($0) } ?? .default
        configuration.certificateChain = options.clientCertificate.map { .certificate($0) }
        configuration.privateKey = options.clientKey.map { .privateKey($0) }
        return try NIOSSLContext(configuration: configuration)
    }

    private static func isAddress(_ host: String) -> Bool { (try? SocketAddress(ipAddress: host, port: 0)) != nil }
}

/// Ciphers with authenticated encryption only.
package let tlsCipherSuites = "ECDHE+AESGCM:ECDHE+CHACHA20"

/// Runs an operation, cancelled once a time is over.
private func withDeadline<Value: Sendable>(
    _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await operation() }
        group.addTask {
            // Not a wait for something to happen: the limit itself.
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else { throw CancellationError() }
        return value
    }
}
