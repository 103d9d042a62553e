// The one port of a member: TLS, then HTTP/1.1 or HTTP/2, then an upgrade or ordinary requests.
import HTTPTypes
package import HummingbirdCore
import HummingbirdHTTP2
package import Logging
package import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOSSL
import NIOWebSocket
import Transport

/// Sets up and serves the connections of the listener.
package struct FrontDoor: ServerChildChannel, HTTPChannelHandler {
    package let responder: HTTPChannelHandler.Responder
    private let certificate: ServerCertificate?
    private let upgrades: any UpgradeJudge
    /// Asked at each connection, which keeps the answer.
    private let limits: @Sendable () -> FrontDoorLimits
    private let connections = ConnectionCounter()

    /// - Parameter certificate: Without one there is no TLS.
    package init(
        certificate: ServerCertificate?, upgrades: any UpgradeJudge,
        limits: @escaping @Sendable () -> FrontDoorLimits = { FrontDoorLimits() },
        responder: @escaping HTTPChannelHandler.Responder
    ) {
        self.certificate = certificate
        self.upgrades = upgrades
        self.limits = limits
        self.responder = responder
    }

    /// How a connection goes on after its first request.
    enum Negotiated: Sendable {
        case http1(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
        case http2(HTTP2Channel, HTTP2Channel.Value)
        case upgraded(UpgradedSession)
    }

    /// A connection whose protocol may not be settled yet.
    package struct Value: ServerChildChannelValue {
        package let channel: any Channel
        let negotiated: EventLoopFuture<Negotiated>
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let (served, limits) = (certificate?.current, limits())
            // TLS has its own way to end one direction; a connection whose TCP is gone is gone.
            try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
            if channel.remoteAddress?.ipAddress != nil { try PeerSilence.limited.apply(to: channel) }
            let info = ConnectionInfo(
                peer: channel.remoteAddress.map(Self.text) ?? "unknown",
                peerAddress: channel.remoteAddress?.ipAddress ?? "unknown", certificateHash: served?.hash,
                channel: channel)
            guard connections.open(info.peerAddress, perAddressMax: limits.connectionsPerAddress) else {
                throw ListenerError.tooManyConnections(info.peerAddress)
            }
            channel.closeFuture.whenComplete { [connections] _ in connections.close(info.peerAddress) }
            let limit = FirstRequestLimit(limits.firstRequest)
            let negotiated =
                if let served {
                    try negotiate(channel, served, info, limits, limit, logger)
                } else {
                    try setUpPlainHTTP1(channel, info, limits, limit, logger)
                }
            return value(channel, negotiated)
        }
    }

    /// A connection that ends before it came to terms leaves the handlers without a word.
    private func value(_ channel: any Channel, _ negotiated: EventLoopFuture<Negotiated>) -> Value {
        let outcome = channel.eventLoop.makePromise(of: Negotiated.self)
        negotiated.cascade(to: outcome)
        channel.closeFuture.whenComplete { _ in outcome.fail(ChannelError.alreadyClosed) }
        return Value(channel: channel, negotiated: outcome.futureResult)
    }

    package func handle(value: Value, logger: Logger) async {
        do {
            let negotiated = try await withTaskCancellationHandler {
                try await value.negotiated.get()
            } onCancel: {
                value.channel.close(promise: nil)
            }
            switch negotiated {
            case .http1(let channel):
                await draining(value.channel) { await handleHTTP(asyncChannel: channel, logger: logger) }
            case .http2(let http2, let connection):
                await draining(value.channel) { await http2.handle(value: connection, logger: logger) }
            case .upgraded(let session): await session()
            }
        } catch {
            // The peer left, or spoke no HTTP, before its first request was read: nothing to answer.
            logger.debug("connection ended before its first request: \(error)")
            value.channel.close(promise: nil)
        }
    }

    /// Serves a connection on its event loop; once that is cancelled, what is under way has a moment to end before the
    /// connection is closed.
    private func draining(_ channel: any Channel, _ serve: () async -> Void) async {
        await withTaskCancellationHandler {
            await withTaskExecutorPreference(LoopExecutor(channel.eventLoop)) { await serve() }
        } onCancel: {
            channel.eventLoop.scheduleTask(in: TimeAmount(limits().drain)) { channel.close(promise: nil) }
        }
    }

    /// Takes a connection that this member opened because an external one asked for it: requests come over it as over
    /// any other one. On its event loop, before anything is read that the other end sends.
    package func admitRelayed(_ channel: any Channel, peer: String, logger: Logger) throws -> UpgradedSession {
        let info = ConnectionInfo(
            peer: peer, peerAddress: channel.remoteAddress?.ipAddress ?? "unknown",
            certificateHash: certificate?.current.hash, channel: channel)
        // Without a limit for the first request: the other end may keep the connection for later.
        let value = value(channel, try setUpHTTP1(channel, info, limits(), nil, logger))
        return { await handle(value: value, logger: logger) }
    }

    // MARK: Protocols

    /// TLS, and the version of HTTP that client and member agree on.
    private func negotiate(
        _ channel: any Channel, _ served: ServerCertificate.Served, _ info: ConnectionInfo, _ limits: FrontDoorLimits,
        _ limit: FirstRequestLimit, _ logger: Logger
    ) throws -> EventLoopFuture<Negotiated> {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(NIOSSLServerHandler(context: served.context))
        try pipeline.addHandler(limit)
        let boundLimit = NIOLoopBound(limit, eventLoop: channel.eventLoop)
        let http2 = HTTP2Channel(
            responder: responder,
            configuration: .init(idleTimeout: limits.idle, gracefulCloseTimeout: limits.firstRequest))
        return channel.configureHTTP2AsyncSecureUpgrade(
            http1ConnectionInitializer: { channel in
                channel.eventLoop.makeCompletedFuture {
                    try setUpHTTP1(channel, info, limits, boundLimit.value, logger)
                }
            },
            http2ConnectionInitializer: { channel in
                // From here on idle connections are closed by the HTTP/2 channel.
                boundLimit.value.end()
                return http2.setup(channel: channel, logger: logger).map { (http2, $0) }
            }
        ).flatMap { $0 }.flatMap { result in
            switch result {
            case .http1_1(let negotiated): negotiated
            case .http2(let (http2, connection)):
                channel.eventLoop.makeSucceededFuture(.http2(http2, connection))
            }
        }
    }

    private func setUpPlainHTTP1(
        _ channel: any Channel, _ info: ConnectionInfo, _ limits: FrontDoorLimits, _ limit: FirstRequestLimit,
        _ logger: Logger
    ) throws -> EventLoopFuture<Negotiated> {
        try channel.pipeline.syncOperations.addHandler(limit)
        return try setUpHTTP1(channel, info, limits, limit, logger)
    }

    private func setUpHTTP1(
        _ channel: any Channel, _ info: ConnectionInfo, _ limits: FrontDoorLimits, _ limit: FirstRequestLimit?,
        _ logger: Logger
    ) throws -> EventLoopFuture<Negotiated> {
        let pipeline = channel.pipeline.syncOperations
        let boundLimit = NIOLoopBound(limit, eventLoop: channel.eventLoop)
        let upgrade = NIOTypedHTTPServerUpgradeConfiguration<Negotiated>(upgraders: [
            upgrader(channel, info, limits, boundLimit)
        ]) { channel in
            channel.eventLoop.makeCompletedFuture {
                boundLimit.value?.end()
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: info.certificateHash != nil))
                try pipeline.addHandler(
                    HTTPConnectionStateHandler(idleTimeout: limits.idle, logger: logger))
                return .http1(
                    try NIOAsyncChannel(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true)))
            }
        }
        return try addHTTP1Handlers(pipeline, limits, upgrade)
    }

    private func addHTTP1Handlers(
        _ pipeline: ChannelPipeline.SynchronousOperations, _ limits: FrontDoorLimits,
        _ upgrade: NIOTypedHTTPServerUpgradeConfiguration<Negotiated>
    ) throws -> EventLoopFuture<Negotiated> {
        var decoding = NIOHTTPDecoderLimitConfiguration()
        decoding.maxHeaderListSize = limits.headerByteCountMax
        decoding.maxHeaderFieldSize = limits.headerByteCountMax
        let encoder = HTTPResponseEncoder()
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: decoding))
        let requestGuard = RequestGuard()
        let validator = NIOHTTPResponseHeadersValidator()
        // An upgrade takes them out in this order: what follows the request is not the guard's.
        let upgradeHandler = NIOTypedHTTPServerUpgradeHandler(
            httpEncoder: encoder, extraHTTPHandlers: [requestGuard, decoder, validator], upgradeConfiguration: upgrade)
        try pipeline.addHandlers([encoder, decoder, requestGuard, validator, upgradeHandler])
        return upgradeHandler.upgradeResultFuture
    }

    // MARK: Upgrades

    private func upgrader(
        _ channel: any Channel, _ info: ConnectionInfo, _ limits: FrontDoorLimits,
        _ limit: NIOLoopBound<FirstRequestLimit?>
    ) -> NIOTypedWebSocketServerUpgrader<Negotiated> {
        // From the verdict to the upgrade of this one connection.
        let admission = NIOLoopBoundBox<UpgradeAdmission?>(nil, eventLoop: channel.eventLoop)
        return NIOTypedWebSocketServerUpgrader<Negotiated>(maxFrameSize: limits.frameByteCountMax) { channel, head in
            return channel.eventLoop.makeFutureWithTask {
                do throws(Problem) {
                    return Result<UpgradeAdmission, Problem>.success(try await upgrades.admit(head, info))
                } catch {
                    return .failure(error)
                }
            }.flatMap { verdict in
                switch verdict {
                case .success(let granted):
                    admission.value = granted
                    let fields = granted.subprotocol.map { HTTPHeaders([("sec-websocket-protocol", $0)]) }
                    return channel.eventLoop.makeSucceededFuture(fields ?? [:])
                case .failure(let problem):
                    // Answered here: once an upgrade was asked for, the request does not get to the ordinary routes.
                    return Self.answer(problem, on: channel).map { nil }
                }
            }
        } upgradePipelineHandler: { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                limit.value?.end()
                guard let granted = admission.value else { throw ChannelError.inappropriateOperationForState }
                return .upgraded(try granted.start(channel))
            }
        }
    }

    /// Writes a problem document and closes.
    private static func answer(_ problem: Problem, on channel: any Channel) -> EventLoopFuture<Void> {
        let body = problem.document
        var headers: HTTPHeaders = [
            "content-type": Problem.mediaType, "content-length": "\(body.readableBytes)", "connection": "close",
        ]
        for field in problem.headers { headers.add(name: field.name.rawName, value: field.value) }
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: problem.status.code), headers: headers)
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.write(HTTPServerResponsePart.body(.byteBuffer(body)), promise: nil)
        return channel.writeAndFlush(HTTPServerResponsePart.end(nil)).flatMap { channel.close() }
    }

    private static func text(_ address: SocketAddress) -> String {
        let host = address.ipAddress ?? "unknown"
        return "\(host.contains(":") ? "[\(host)]" : host):\(address.port ?? 0)"
    }
}

/// Limits of the listener.
package struct FrontDoorLimits: Sendable {
    /// From the connection to the end of the first request's header.
    package var firstRequest: Duration = .seconds(10)
    /// A connection on which nothing is asked and nothing answered for so long is closed.
    package var idle: Duration = .seconds(60)
    /// What requests under way have to end when the member stops.
    package var drain: Duration = .seconds(1)
    /// Longest header of a request, which one field may fill.
    package var headerByteCountMax = 16 << 10
    /// Connections open at once from one address.
    package var connectionsPerAddress = 1_000
    /// Longest WebSocket frame that any route takes: a gossip message.
    package var frameByteCountMax = (1 << 20) + (1 << 16)

    /// The defaults.
    package init() {}
}

/// Closes a connection whose first request takes too long.
private final class FirstRequestLimit: ChannelInboundHandler {
    typealias InboundIn = Any
    private let limit: Duration
    private var timer: Scheduled<Void>?

    init(_ limit: Duration) { self.limit = limit }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: TimeAmount(limit)) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func end() { timer?.cancel() }
}
