// What a server answers that does not upgrade, and the handler that reads it.
package import NIOCore
package import NIOHTTP1

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// An answer that is no upgrade.
package struct UpgradeRefusal: Sendable {
    /// Status and fields of the answer.
    package let head: HTTPResponseHead
    /// Cut to what is of interest.
    package let body: ByteBuffer
    /// What ended it before its end.
    package let breakage: (any Error)?

    /// What it says where it is a member's.
    package var problem: ProblemDocument? { ProblemDocument(body.readableBytesView) }
}

/// Why there is no answer at all.
package enum NoAnswer: Error, Sendable {
    /// The connection was closed before an answer.
    case closed
    /// What came is not HTTP, or the connection broke, as the error says.
    case notHTTP(any Error)
    /// No answer in the time that it had.
    case late
}

/// The parts of a problem document (RFC 9457) that matter here.
package struct ProblemDocument: Sendable, Decodable {
    /// A sentence for people; nil where there is none.
    package let detail: String?
    /// A stable word for programs; nil where there is none.
    package let reason: String?
    /// The member that says it.
    package let serverId: String?

    /// Reads a whole body; nil where it is no JSON object. Parts that are missing or of other types are nil.
    package init?(_ body: some Sequence<UInt8>) {
        guard let document = try? JSONDecoder().decode(Self.self, from: Data(body)) else { return nil }
        self = document
    }

    /// From any JSON object: parts that are missing or of other types are nil.
    package init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        // A member of another type is none: what answers may be anything.
        detail = try? members.decode(String.self, forKey: .detail)
        reason = try? members.decode(String.self, forKey: .reason)
        serverId = try? members.decode(String.self, forKey: .serverId)
    }

    private enum CodingKeys: CodingKey { case detail, reason, serverId }
}

/// Reads the answer of a server that did not upgrade, and ends the connection.
final class RefusalReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    private let promise: EventLoopPromise<UpgradeRefusal>
    private var head: HTTPResponseHead?
    private var body = ByteBuffer()

    /// More of an answer than this is of no interest.
    private static let bodyByteCountMax = 16 << 10

    init(_ promise: EventLoopPromise<UpgradeRefusal>) { self.promise = promise }

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
        finish(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { finish() }

    private func finish(_ breakage: (any Error)? = nil) {
        guard let head else { return promise.fail(breakage.map { .notHTTP($0) } ?? NoAnswer.closed) }
        promise.succeed(UpgradeRefusal(head: head, body: body, breakage: breakage))
    }
}
