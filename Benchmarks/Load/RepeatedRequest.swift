// One kept connection that asks for the same thing again and again, the next time when the answer is all there.
import NIOCore
import NIOHTTP1

/// Asks and counts.
final class RepeatedRequest: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let head: HTTPRequestHead
    private let tally: Tally
    private var began: NIODeadline = .now()

    init(_ head: HTTPRequestHead, _ tally: Tally) {
        self.head = head
        self.tally = tally
    }

    func channelActive(context: ChannelHandlerContext) { ask(context) }

    private func ask(_ context: ChannelHandlerContext) {
        began = .now()
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let answer):
            guard answer.status == .ok else {
                tally.fail("\(head.uri) was answered by \(answer.status)")
                return context.close(promise: nil)
            }
        case .body(let bytes): tally.add(byteCount: bytes.readableBytes)
        case .end:
            tally.add(answerAfter: .now() - began)
            ask(context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { tally.fail("a connection ended while it was in use") }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        tally.fail("\(error)")
        context.close(promise: nil)
    }
}

/// One connection that asks for something long and reads no more than its beginning.
final class StalledRequest: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let head: HTTPRequestHead
    private let begun: EventLoopPromise<Void>

    init(_ head: HTTPRequestHead, _ begun: EventLoopPromise<Void>) {
        self.head = head
        self.begun = begun
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let answer) = unwrapInboundIn(data) else { return }
        guard answer.status == .ok else {
            return begun.fail(BenchmarkError("\(head.uri) was answered by \(answer.status)"))
        }
        context.channel.setOption(.autoRead, value: false).cascade(to: begun)
    }

    func channelInactive(context: ChannelHandlerContext) { begun.fail(ChannelError.eof) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        begun.fail(error)
        context.close(promise: nil)
    }
}
