// One event stream that is open and on which next to nothing happens.
import NIOCore
import NIOHTTP1

/// Asks for the stream, tells of its first bytes, and reads on.
final class IdleStream: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// Why a stream did not begin.
    struct Refused: Error {
        let status: HTTPResponseStatus
    }

    private let head: HTTPRequestHead
    private let begun: EventLoopPromise<Void>
    private let tally: Tally

    init(_ head: HTTPRequestHead, _ begun: EventLoopPromise<Void>, _ tally: Tally) {
        self.head = head
        self.begun = begun
        self.tally = tally
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let answer):
            if answer.status != .ok { begun.fail(Refused(status: answer.status)) }
        case .body(let bytes):
            tally.add(byteCount: bytes.readableBytes)
            begun.succeed()
        case .end: context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        begun.fail(ChannelError.eof)
        tally.fail("an event stream ended")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        begun.fail(error)
        tally.fail("\(error)")
        context.close(promise: nil)
    }
}
