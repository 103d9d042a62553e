// Sends every message back as one frame of the same kind.
import Gateway
import NIOCore

/// Joins what a message is made of.
final class Echo: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The longest message of the test suite.
    static let messageByteCountMax = 16 << 20

    private var message = ByteBuffer()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        guard message.readableBytes + part.readableBytes <= Self.messageByteCountMax else {
            return context.triggerUserOutboundEvent(
                WebSocketEnd(code: 1009, reason: "the message is too long"), promise: nil)
        }
        if message.readableBytes == 0 { message = part } else { message.writeBuffer(&part) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let end = event as? WebSocketMessageEnd else { return context.fireUserInboundEventTriggered(event) }
        if end.isText {
            context.triggerUserOutboundEvent(WebSocketText(message), promise: nil)
        } else {
            context.write(wrapOutboundOut(message), promise: nil)
        }
        context.flush()
        message = ByteBuffer()
    }
}
