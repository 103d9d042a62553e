// Channel handler of a connection being dialled, for an answer that is no upgrade.
import NIOCore
import NIOHTTP1

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Reads the answer of a server that did not upgrade, and says why the link does not come up.
final class RefusalReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    private let promise: EventLoopPromise<DialError>
    private var head: HTTPResponseHead?
    private var body = ByteBuffer()

    /// More of an answer than this is of no interest.
    private static var bodyByteCountMax: Int { 16 << 10 }

    init(_ promise: EventLoopPromise<DialError>) { self.promise = promise }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(var part):
            if body.readableBytes + part.readableBytes <= Self.bodyByteCountMax { body.writeBuffer(&part) }
        case .end:
            finish()
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.succeed(DialError("not an agent: its answer is not HTTP (\(error))"))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { finish() }

    private func finish() {
        guard let head else {
            return promise.succeed(DialError("not an agent: it closed the connection without an answer"))
        }
        let problem = try? JSONDecoder().decode(Refusal.self, from: Data(body.readableBytesView))
        if let problem, let member = problem.serverId {
            promise.succeed(DialError("\(problem.detail) (said by \(member))"))
        } else {
            promise.succeed(DialError("not an agent: it answered \(head.status.code) \(head.status.reasonPhrase)"))
        }
    }

    /// The part of a problem document (RFC 9457) that matters here.
    private struct Refusal: Decodable {
        let detail: String
        let serverId: String?
    }
}
