// A WebSocket as a stream of bytes: binary messages inwards and outwards, control frames answered here.
package import NIOCore
package import NIOWebSocket
package import Transport

/// Why a WebSocket ends, as its close frame says (RFC 6455, section 7.4).
package struct WebSocketEnd: Sendable, Hashable {
    /// 1000 to 4999; from 4000 on it is this program that says what it means.
    package let code: UInt16
    /// At most 123 bytes.
    package let reason: String

    package init(code: UInt16, reason: String) {
        self.code = code
        self.reason = reason
    }

    /// All was said.
    package static let normal = WebSocketEnd(code: 1000, reason: "")
    /// The client may come back, to this member or to another one.
    package static let goingAway = WebSocketEnd(code: 1001, reason: "the member stops")
}

/// Follows the bytes of each message as an inbound event, from a codec that keeps messages.
package struct WebSocketMessageEnd: Sendable, Hashable {
    /// False for a binary message.
    package let isText: Bool
}

/// As an outbound event: a text message. What is written is binary.
package struct WebSocketText: Sendable {
    let bytes: ByteBuffer

    /// - Parameter bytes: UTF-8, which nobody checks.
    package init(_ bytes: ByteBuffer) { self.bytes = bytes }
}

/// Turns frames into bytes and bytes into frames. What a client sends is masked, what a server sends is not.
///
/// An outbound user event `WebSocketEnd` sends a close frame; the connection is closed when the peer has answered it, or
/// after a while.
package final class WebSocketBytes: ChannelDuplexHandler {
    package typealias InboundIn = WebSocketFrame
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = WebSocketFrame

    /// How long the peer has to answer a close frame.
    private static let closing: TimeAmount = .seconds(2)
    /// Longest frame sent.
    private static let frameByteCountMax = 256 << 10
    /// Within a message that has begun and not ended.
    private var isInMessage = false
    private var hasSentClose = false
    private let keepsMessages: Bool
    private var isText = false

    private let role: Role

    /// Which end of the WebSocket this is.
    package enum Role: Sendable {
        case server, client
    }

    private let meter: ByteMeter?

    /// - Parameters:
    ///   - meter: Counts the bytes of messages.
    ///   - keepsMessages: For those to whom a message is more than its bytes: text is taken too, unchecked, and
    ///     `WebSocketMessageEnd` says where each message ends.
    package init(_ role: Role = .server, meter: ByteMeter? = nil, keepsMessages: Bool = false) {
        self.role = role
        self.meter = meter
        self.keepsMessages = keepsMessages
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        if frame.rsv1 || frame.rsv2 || frame.rsv3 { return fail(context, 1002, "reserved bits are set") }
        if (frame.maskKey != nil) != (role == .server) {
            return fail(context, 1002, "the frames of a client are masked, and those of a server are not")
        }
        switch frame.opcode {
        case .binary, .text, .continuation: readData(context, frame)
        case .ping:
            guard !hasSentClose else { return }
            context.writeAndFlush(makeFrame(.pong, bytes(of: frame)), promise: nil)
        case .pong: break
        case .connectionClose: answerClose(context, bytes(of: frame))
        default: fail(context, 1002, "unknown kind of frame")
        }
    }

    private func readData(_ context: ChannelHandlerContext, _ frame: WebSocketFrame) {
        guard !hasSentClose else { return }
        if frame.opcode == .text, !keepsMessages { return fail(context, 1003, "only binary messages are taken") }
        if (frame.opcode == .continuation) != isInMessage {
            return fail(context, 1002, isInMessage ? "a message within a message" : "a continuation of nothing")
        }
        isInMessage = !frame.fin
        let bytes = bytes(of: frame)
        if bytes.readableBytes > 0 {
            meter?.countReceived(bytes.readableBytes)
            context.fireChannelRead(wrapInboundOut(bytes))
        }
        guard keepsMessages else { return }
        if frame.opcode != .continuation { isText = frame.opcode == .text }
        if frame.fin { context.fireUserInboundEventTriggered(WebSocketMessageEnd(isText: isText)) }
    }

    private func answerClose(_ context: ChannelHandlerContext, _ data: ByteBuffer) {
        if hasSentClose { return context.close(promise: nil) }
        let code = data.getInteger(at: data.readerIndex, as: UInt16.self)
        let isCodeGood = data.readableBytes == 0 || code.map(Self.mayBeReceived) ?? false
        let sent = Array(data.readableBytesView.dropFirst(2))
        let isReasonGood = sent.isEmpty || String(validating: sent, as: UTF8.self) != nil
        guard isCodeGood, isReasonGood else {
            // It was the last frame of the peer: no answer follows.
            return close(context, WebSocketEnd(code: 1002, reason: "a malformed close frame"), awaitsAnswer: false)
        }
        hasSentClose = true
        let channel = context.channel
        context.writeAndFlush(makeFrame(.connectionClose, data)).whenComplete { _ in channel.close(promise: nil) }
    }

    /// Codes that a peer may send (RFC 6455, section 7.4, and the registry).
    private static func mayBeReceived(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        write(context, .binary, unwrapOutboundIn(data), promise)
    }

    private func write(
        _ context: ChannelHandlerContext, _ opcode: WebSocketOpcode, _ bytes: ByteBuffer,
        _ promise: EventLoopPromise<Void>?
    ) {
        guard !hasSentClose else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        meter?.countSent(bytes.readableBytes)
        var (opcode, rest) = (opcode, bytes)
        while rest.readableBytes > Self.frameByteCountMax, let part = rest.readSlice(length: Self.frameByteCountMax) {
            context.write(makeFrame(opcode, part, isLast: false), promise: nil)
            opcode = .continuation
        }
        context.write(makeFrame(opcode, rest), promise: promise)
    }

    package func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?)
    {
        if let text = event as? WebSocketText { return write(context, .text, text.bytes, promise) }
        guard let end = event as? WebSocketEnd else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        close(context, end)
        promise?.succeed()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The decoder of frames reports what breaks the protocol; anything else is the connection's end.
        guard error is NIOWebSocketError else { return context.close(promise: nil) }
        fail(context, 1002, "not a WebSocket frame")
    }

    /// A mask of zeros: it keeps scripts in browsers from choosing the bytes on the wire, and there are none at a member.
    private static let mask: WebSocketMaskingKey = [0, 0, 0, 0]

    private func makeFrame(_ opcode: WebSocketOpcode, _ data: ByteBuffer, isLast: Bool = true) -> NIOAny {
        let mask = role == .client ? Self.mask : nil
        return wrapOutboundOut(WebSocketFrame(fin: isLast, opcode: opcode, maskKey: mask, data: data))
    }

    private func bytes(of frame: WebSocketFrame) -> ByteBuffer {
        frame.maskKey == Self.mask ? frame.data : frame.unmaskedData
    }

    private func fail(_ context: ChannelHandlerContext, _ code: UInt16, _ reason: String) {
        close(context, WebSocketEnd(code: code, reason: reason))
    }

    private func close(_ context: ChannelHandlerContext, _ end: WebSocketEnd, awaitsAnswer: Bool = true) {
        guard !hasSentClose else { return }
        hasSentClose = true
        var data = context.channel.allocator.buffer(capacity: 2 + end.reason.utf8.count)
        data.writeInteger(end.code)
        data.writeString(end.reason)
        let channel = context.channel
        let written = context.writeAndFlush(makeFrame(.connectionClose, data))
        guard awaitsAnswer else { return written.whenComplete { _ in channel.close(promise: nil) } }
        let timer = context.eventLoop.scheduleTask(in: Self.closing) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in timer.cancel() }
    }
}
