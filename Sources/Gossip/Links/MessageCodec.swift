// WebSocket frames to messages and back, on the event loop of a link's channel.
package import NIOCore
package import NIOWebSocket
package import Transport

/// What a link's channel reads.
package enum LinkInbound: Sendable {
    /// A message whose kind this version knows.
    case message(Message)
    /// A frame that breaks the protocol.
    case malformed(WireError)
}

/// One message is one binary WebSocket message. Pings and closes of WebSocket itself are answered here.
package final class MessageCodec: ChannelDuplexHandler {
    package typealias InboundIn = WebSocketFrame
    package typealias InboundOut = LinkInbound
    package typealias OutboundIn = Message
    package typealias OutboundOut = WebSocketFrame

    private let isClient: Bool
    private let meter: ByteMeter

    /// - Parameters:
    ///   - isClient: Whether this end has dialled, so that its frames are masked (RFC 6455, section 5.3).
    ///   - meter: Counts the bytes of messages, without frames.
    package init(isClient: Bool, meter: ByteMeter) {
        self.isClient = isClient
        self.meter = meter
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var frame = unwrapInboundIn(data)
        if let maskKey = frame.maskKey { frame.data.webSocketUnmask(maskKey) }
        switch frame.opcode {
        case .binary:
            meter.countReceived(frame.data.readableBytes)
            do {
                if let message = try Message.decode(frame.data) {
                    context.fireChannelRead(wrapInboundOut(.message(message)))
                }
            } catch {
                context.fireChannelRead(wrapInboundOut(.malformed(error)))
            }
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, maskKey: maskKey(), data: frame.data)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        case .connectionClose: context.close(promise: nil)
        case .pong: break
        default:
            context.fireChannelRead(wrapInboundOut(.malformed(.field("frame", "is not binary"))))
        }
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var buffer = context.channel.allocator.buffer(capacity: 64)
        unwrapOutboundIn(data).encode(into: &buffer)
        meter.countSent(buffer.readableBytes)
        let frame = WebSocketFrame(fin: true, opcode: .binary, maskKey: maskKey(), data: buffer)
        context.write(wrapOutboundOut(frame), promise: promise)
    }

    private func maskKey() -> WebSocketMaskingKey? { isClient ? .random() : nil }
}

extension Channel {
    /// Turns an upgraded WebSocket channel into a link's: messages in, messages out. Call on the event loop.
    package func configureLink(
        isClient: Bool, meter: ByteMeter
    ) throws -> NIOAsyncChannel<LinkInbound, Message> {
        let pipeline = pipeline.syncOperations
        try pipeline.addHandler(
            NIOWebSocketFrameAggregator(
                minNonFinalFragmentSize: 1, maxAccumulatedFrameCount: 64,
                maxAccumulatedFrameSize: Message.byteCountMax))
        try pipeline.addHandler(MessageCodec(isClient: isClient, meter: meter))
        return try NIOAsyncChannel(wrappingChannelSynchronously: self)
    }
}

extension Message {
    /// Where on a member's port links are accepted.
    package static let path = "/cluster/gossip"
    /// The WebSocket subprotocol of a link.
    package static let subprotocol = "fastx-gossip"
}
