// Lets only requests through that every hop reads alike; one that is not ends its connection with the answer 400.
import NIOCore
import NIOHTTP1

/// Stands between the codec of HTTP/1 and all that serves requests, until the connection is a WebSocket.
///
/// Each request has one answer. One that is refused, or breaks off, has 400 unless its own answer has begun, after the
/// answers to those before it; then the connection is closed. It is closed without an answer where an upgrade is asked
/// for after other requests: whoever keeps connections, as proxies do, then asks again over a new one (RFC 9112, section
/// 9.3.1), and there it is granted.
final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private var isFirst = true
    /// Within a request that was passed on.
    private var isReading = false
    /// No request follows the one passed on last: its sender says so, or the decoder reads no further.
    private var isLast = false
    /// Requests passed on whose answers have not ended.
    private var unansweredCount = 0
    private var isAnswering = false
    /// What is wrong with the request after those that were passed on, or with the last of them.
    private var fault: (any Error)?
    /// Nothing more is written.
    private var isShut = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard fault == nil else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard !isLast else { return }
            guard let head = RequestRules.accepted(head) else {
                return refuse(context, ListenerError.ambiguousRequest)
            }
            guard isFirst || !Self.isWebSocketUpgrade(head) else { return refuse(context, ListenerError.lateUpgrade) }
            pass(context, head)
        case .body:
            if isReading { context.fireChannelRead(data) }
        case .end:
            guard isReading else { return }
            isReading = false
            context.fireChannelRead(data)
        }
    }

    private func pass(_ context: ChannelHandlerContext, _ head: HTTPRequestHead) {
        var head = head
        let isUpgrade = isFirst && Self.isWebSocketUpgrade(head)
        if !isUpgrade {
            isLast = !head.isKeepAlive || Self.endsDecoding(head)
            // The upgrade handler would drop a request that asks for another protocol. A server may ignore that wish
            // (RFC 9110, section 7.8).
            head.headers.remove(name: "upgrade")
        }
        isFirst = false
        isReading = true
        unansweredCount += 1
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    /// A request with a body is none.
    private static func isWebSocketUpgrade(_ head: HTTPRequestHead) -> Bool {
        let headers = head.headers
        return head.method == .GET && headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
            && headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
            && headers["sec-websocket-key"].count == 1 && headers["sec-websocket-version"] == ["13"]
            && !headers.contains(name: "transfer-encoding") && headers["content-length"].allSatisfy { $0 == "0" }
    }

    /// Whether the decoder takes what follows a request for another protocol, and so reads no further.
    private static func endsDecoding(_ head: HTTPRequestHead) -> Bool {
        head.headers.contains(name: "upgrade")
            && head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return context.fireErrorCaught(error) }
        // What comes after the last request is nobody's.
        if isReading || !isLast { refuse(context, error) }
    }

    private func refuse(_ context: ChannelHandlerContext, _ error: any Error) {
        guard fault == nil else { return }
        fault = error
        shutIfAnswered(context)
    }

    /// Ends a connection with a faulty request as soon as those before it have their answers.
    private func shutIfAnswered(_ context: ChannelHandlerContext) {
        guard let fault, !isShut, unansweredCount == (isReading ? min(unansweredCount, 1) : 0) else { return }
        isShut = true
        let isAnswered = isAnswering || (isReading && unansweredCount == 0)
        if !isAnswered, fault as? ListenerError != .lateUpgrade {
            let head = HTTPResponseHead(
                version: .http1_1, status: .badRequest, headers: ["connection": "close", "content-length": "0"])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.end(nil)), promise: nil)
        }
        // The answers before it, too.
        context.flush()
        // Whoever reads the body must not take what has come of it for all of it.
        context.fireErrorCaught(fault)
        context.close(promise: nil)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isShut else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head): writeHead(context, head, promise)
        case .body: context.write(data, promise: promise)
        case .end: writeEnd(context, data, promise)
        }
    }

    private func writeHead(
        _ context: ChannelHandlerContext, _ head: HTTPResponseHead, _ promise: EventLoopPromise<Void>?
    ) {
        var head = head
        if head.status.code >= 200 {
            isAnswering = true
            if isLast, unansweredCount == 1 { head.headers.replaceOrAdd(name: "connection", value: "close") }
        }
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }

    private func writeEnd(_ context: ChannelHandlerContext, _ end: NIOAny, _ promise: EventLoopPromise<Void>?) {
        isAnswering = false
        unansweredCount -= 1
        if isLast, unansweredCount == 0 {
            isShut = true
            context.writeAndFlush(end, promise: promise)
            return context.close(promise: nil)
        }
        context.write(end, promise: promise)
        shutIfAnswered(context)
    }
}
