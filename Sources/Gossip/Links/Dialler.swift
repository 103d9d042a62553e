// Opens the connection of a link: TCP, TLS, the upgrade with this member's tokens.
package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
package import Transport
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
    private let makeResolver: ResolverMaker
    private let tokens: TokenMaker

    package init(
        group: any EventLoopGroup, makeResolver: @escaping ResolverMaker = { _ in nil }, tokens: @escaping TokenMaker
    ) {
        self.group = group
        self.makeResolver = makeResolver
        self.tokens = tokens
    }

    /// A connection that is upgraded, with the hash of the certificate that this end saw.
    package func dial(_ point: AccessPoint) async throws(DialError) -> LinkConnection {
        do {
            return try await open(point)
        } catch let error as DialError {
            throw error
        } catch is CancellationError {
            throw DialError("the dial was called off")
        } catch {
            throw DialError(ConnectionFailure.explain(error, host: point.host, timeout: point.options.timeout))
        }
    }

    /// Connects to the host until an address takes the link: another program may do TLS at those before it. Each is asked
    /// once, one after the other: two that were asked at the same time might both take it.
    private func open(_ point: AccessPoint) async throws -> LinkConnection {
        let deadline = NIODeadline.now() + TimeAmount(point.options.timeout)
        var failures: [SocketAddress: any Error] = [:]
        while true {
            let channel = try await connect(point, until: deadline, leavingOut: failures)
            let address = channel.remoteAddress
            do {
                let request = try await request(channel, point)
                let left = Duration(deadline - .now())
                // There may be another address behind the name, which has to have its time too.
                return try await upgrade(channel, point, request, within: Self.isAddress(point.host) ? left : left / 2)
            } catch let error as OwnFailure {
                channel.close(promise: nil)
                throw error.reason
            } catch {
                channel.close(promise: nil)
                try Task.checkCancellation()
                // One that comes again though it was left out would come until the deadline.
                guard !Self.isAddress(point.host), let address, failures.updateValue(error, forKey: address) == nil
                else { throw error }
            }
        }
    }

    /// Connects to the first address of the host at which TLS comes up.
    private func connect(
        _ point: AccessPoint, until deadline: NIODeadline, leavingOut failures: [SocketAddress: any Error]
    ) async throws -> any Channel {
        let context = try Self.context(point.options)
        let loop = group.next()
        let calledOff = loop.makePromise(of: Void.self)
        defer { calledOff.succeed() }
        let terms = AttemptTerms(until: deadline, leavingOut: failures, calledOff: calledOff.futureResult)
        let bootstrap = ClientBootstrap(group: loop)
            .resolver(makeResolver(loop))
            .channelOption(ChannelOptions.socketOption(.so_keepalive), value: point.options.keepAlive ? 1 : 0)
            .channelOption(ChannelOptions.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(terms.limit)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let name = point.options.serverName ?? (Self.isAddress(point.host) ? nil : point.host)
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: name))
                    try channel.pipeline.syncOperations.addHandler(ConnectionAttempt(terms))
                }
            }
        do {
            return try await withTaskCancellationHandler {
                try await bootstrap.connect(host: point.host, port: point.port).get()
            } onCancel: {
                calledOff.succeed()
            }
        } catch {
            try Task.checkCancellation()
            // Where the name was not looked up again in time, all that is known is what came before.
            let isTold = (error as? NIOConnectionError)?.connectionErrors.isEmpty == false
            throw isTold ? error : failures.values.first ?? error
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

    /// An upgrade request, and what its tokens are bound to.
    private struct Request {
        let head: HTTPRequestHead
        let certificateHash: [UInt8]?
    }

    private func upgrade(
        _ channel: any Channel, _ point: AccessPoint, _ request: Request, within limit: Duration
    ) async throws -> LinkConnection {
        do {
            return try await withDeadline(limit) {
                try await withTaskCancellationHandler {
                    try await answered { try await upgrade(channel, point, request) }
                } onCancel: {
                    channel.close(promise: nil)
                }
            }
        } catch is CancellationError {
            throw DialError("unreachable: no answer after the TLS handshake")
        }
    }

    private func upgrade(
        _ channel: any Channel, _ point: AccessPoint, _ request: Request
    ) async throws -> LinkConnection {
        let meter = LinkMeter()
        let negotiated = try await channel.eventLoop.flatSubmit { Self.upgrade(channel, request.head, meter) }.get()
        switch negotiated {
        case .link(let link):
            return LinkConnection(
                channel: link, meter: meter, address: point.url, certificateHash: request.certificateHash)
        case .refused(let refusal): throw try await refusal.get()
        }
    }

    private func request(_ channel: any Channel, _ point: AccessPoint) async throws -> Request {
        var certificateHash: [UInt8]?
        if !point.options.isUnbound {
            guard let certificate = try await channel.nioSSL_peerCertificate().get() else {
                throw DialError("not an agent: it showed no certificate")
            }
            certificateHash = Sodium.sha256(try certificate.toDERBytes())
        }
        return Request(head: try requestHead(point, certificateHash), certificateHash: certificateHash)
    }

    private func requestHead(_ point: AccessPoint, _ certificateHash: [UInt8]?) throws -> HTTPRequestHead {
        let binding = RequestBinding(method: "GET", path: Message.path, certificateSHA256: certificateHash)
        let tokens = try tokens(binding)
        guard !tokens.isEmpty else {
            throw OwnFailure("no common key: this member has no cluster key; make one with \"fastx-agent key new\"")
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

/// What keeps this member from linking, whatever address it dials.
private struct OwnFailure: Error {
    let reason: DialError

    init(_ reason: String) { self.reason = DialError(reason) }
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
