// The one port of a member: TLS, then HTTP/1.1, then an upgrade or ordinary requests.
import HTTPTypes
package import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTP1
package import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOSSL
import NIOWebSocket

/// Sets up and serves the connections of the listener.
package struct FrontDoor: ServerChildChannel, HTTPChannelHandler {
    package let responder: HTTPChannelHandler.Responder
    private let certificate: ServerCertificate
    private let routes: [any UpgradeRoute]
    private let limits: FrontDoorLimits
    private let serverID: String

    package init(
        serverID: String, certificate: ServerCertificate, routes: [any UpgradeRoute],
        limits: FrontDoorLimits = FrontDoorLimits(),
        responder: @escaping HTTPChannelHandler.Responder
    ) {
        self.serverID = serverID
        self.certificate = certificate
        self.routes = routes
        self.limits = limits
        self.responder = responder
    }

    /// How a connection goes on after its first request.
    package enum Negotiated: Sendable {
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
        case upgraded(UpgradedSession)
    }

    package struct Value: ServerChildChannelValue {
        package let channel: any Channel
        let negotiated: EventLoopFuture<Negotiated>
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let served = certificate.current
            let pipeline = channel.pipeline.syncOperations
            // TLS has its own way to end one direction; a connection whose TCP is gone is gone.
            try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
            try pipeline.addHandler(NIOSSLServerHandler(context: served.context))
            try pipeline.addHandler(FirstRequestLimit(limits.firstRequest))
            let info = ConnectionInfo(
                peer: channel.remoteAddress.map(Self.text) ?? "unknown",
                peerAddress: channel.remoteAddress?.ipAddress ?? "unknown", certificateHash: served.hash)
            let negotiated = try pipeline.configureUpgradableHTTPServerPipeline(
                configuration: configuration(channel, info))
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(UpgradeFilter(), position: .after(decoder))
            // A connection that ends before it came to terms leaves the upgrade handler without a word.
            let outcome = channel.eventLoop.makePromise(of: Negotiated.self)
            negotiated.cascade(to: outcome)
            channel.closeFuture.whenComplete { _ in outcome.fail(ChannelError.alreadyClosed) }
            return Value(channel: channel, negotiated: outcome.futureResult)
        }
    }

    package func handle(value: Value, logger: Logger) async {
        do {
            let negotiated = try await withTaskCancellationHandler {
                try await value.negotiated.get()
            } onCancel: {
                value.channel.close(promise: nil)
            }
            switch negotiated {
            case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
            case .upgraded(let session): await session()
            }
        } catch {
            // The peer left, or spoke no HTTP, before its first request was read: nothing to answer.
            logger.debug("connection ended before its first request: \(error)")
            value.channel.close(promise: nil)
        }
    }

    private func configuration(
        _ channel: any Channel, _ info: ConnectionInfo
    ) -> NIOUpgradableHTTPServerPipelineConfiguration<Negotiated> {
        let upgrade = NIOTypedHTTPServerUpgradeConfiguration<Negotiated>(upgraders: routes.map { upgrader($0, info) }) {
            channel in
            channel.eventLoop.makeCompletedFuture {
                try Self.endFirstRequestLimit(channel)
                try channel.pipeline.syncOperations.addHandler(HTTP1ToHTTPServerCodec(secure: true))
                return .http(
                    try NIOAsyncChannel(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true)))
            }
        }
        var configuration = NIOUpgradableHTTPServerPipelineConfiguration<Negotiated>(upgradeConfiguration: upgrade)
        configuration.enablePipelining = false
        configuration.enableErrorHandling = true
        configuration.decoderConfiguration.maxHeaderListSize = limits.headerByteCountMax
        configuration.decoderConfiguration.maxHeaderFieldSize = limits.headerByteCountMax
        return configuration
    }

    private func upgrader(
        _ route: any UpgradeRoute, _ info: ConnectionInfo
    ) -> NIOTypedWebSocketServerUpgrader<Negotiated> {
        NIOTypedWebSocketServerUpgrader<Negotiated>(maxFrameSize: route.frameByteCountMax) { channel, head in
            let isOther = head.uri != route.path
            guard let problem = isOther ? self.noSuchUpgrade : route.refusal(of: head, info) else {
                return channel.eventLoop.makeSucceededFuture(["sec-websocket-protocol": route.subprotocol])
            }
            // Answered here: once an upgrade was asked for, the request does not get to the ordinary routes.
            return Self.answer(problem, on: channel).map { nil }
        } upgradePipelineHandler: { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try Self.endFirstRequestLimit(channel)
                return .upgraded(try route.start(channel, info))
            }
        }
    }

    private var noSuchUpgrade: Problem {
        Problem(.notFound, reason: "not-found", detail: "there is no upgrade at this path", serverID: serverID)
    }

    /// Writes a problem document and closes.
    private static func answer(_ problem: Problem, on channel: any Channel) -> EventLoopFuture<Void> {
        let body = problem.document
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: problem.status.code),
            headers: [
                "content-type": Problem.mediaType, "content-length": "\(body.readableBytes)", "connection": "close",
            ])
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.write(HTTPServerResponsePart.body(.byteBuffer(body)), promise: nil)
        return channel.writeAndFlush(HTTPServerResponsePart.end(nil)).flatMap { channel.close() }
    }

    private static func endFirstRequestLimit(_ channel: any Channel) throws {
        try channel.pipeline.syncOperations.handler(type: FirstRequestLimit.self).end()
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
    package var headerByteCountMax = 16 << 10

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
