// One request over a connection of its own, with its whole answer.
import Foundation
import NIOCore
import NIOHTTP1

/// An answer.
struct WholeAnswer: Sendable {
    var status = HTTPResponseStatus.imATeapot
    var headers = HTTPHeaders()
    var body = ByteBuffer()

    /// The body as an object of JSON.
    var json: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(body.readableBytesView))) as? [String: Any] ?? [:]
    }

    /// Status and reason, for people.
    var text: String {
        "\(status): \(json["detail"] as? String ?? String(String(buffer: body).prefix(300)))"
    }
}

/// A body as it is sent.
struct JSONBody: Sendable, ExpressibleByDictionaryLiteral {
    let bytes: [UInt8]

    init(dictionaryLiteral elements: (String, String)...) {
        let members = Dictionary(elements) { $1 }
        // An object of texts can always be encoded.
        bytes = (try? JSONEncoder().encode(members)).map { Array($0) } ?? []
    }
}

extension Dialler {
    private static let answerTimeMax: TimeAmount = .seconds(30)

    /// Sends a request, with a body of JSON if it has one.
    func request(
        _ method: HTTPMethod, _ path: String, _ json: JSONBody? = nil, more: HTTPHeaders = [:], on route: Route
    ) async throws -> WholeAnswer {
        let promise = measured.makePromise(of: WholeAnswer.self)
        var head = HTTPRequestHead.make(method, path, route)
        head.headers.add(name: "connection", value: "close")
        var body = ByteBuffer()
        head.headers.add(contentsOf: more)
        if let json {
            body.writeBytes(json.bytes)
            head.headers.add(name: "content-type", value: "application/json")
            head.headers.add(name: "content-length", value: "\(body.readableBytes)")
        }
        do {
            try await connect(route, on: measured) { [head, body] channel in
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
                try pipeline.addHandler(OneRequest(head, body, promise))
                let timer = channel.eventLoop.scheduleTask(in: Self.answerTimeMax) { channel.close(promise: nil) }
                channel.closeFuture.whenComplete { _ in timer.cancel() }
            }
        } catch {
            promise.fail(error)
        }
        return try await promise.futureResult.get()
    }
}

extension HTTPRequestHead {
    /// A request with what every request of a load has.
    static func make(_ method: HTTPMethod, _ path: String, _ route: Route) -> HTTPRequestHead {
        var headers: HTTPHeaders = ["host": route.authority, "user-agent": "fastx-bench"]
        if let token = route.token { headers.add(name: "authorization", value: "Bearer \(token)") }
        return HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)
    }
}

private final class OneRequest: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let head: HTTPRequestHead
    private let body: ByteBuffer
    private let promise: EventLoopPromise<WholeAnswer>
    private var answer = WholeAnswer()

    init(_ head: HTTPRequestHead, _ body: ByteBuffer, _ promise: EventLoopPromise<WholeAnswer>) {
        self.head = head
        self.body = body
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if body.readableBytes > 0 { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            answer.status = head.status
            answer.headers = head.headers
        case .body(var bytes): answer.body.writeBuffer(&bytes)
        case .end:
            promise.succeed(answer)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(BenchmarkError("\(head.method) \(head.uri): the connection ended before the answer did"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }
}
