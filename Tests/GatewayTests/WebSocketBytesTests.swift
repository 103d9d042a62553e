// A WebSocket as a stream of bytes: what comes through, what is answered, and what ends it.
import Gateway
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@Suite("WebSocket as bytes")
struct WebSocketBytesTests {
    private let channel: EmbeddedChannel
    private let mask: WebSocketMaskingKey = [1, 2, 3, 4]

    init() throws { try self.init(WebSocketBytes()) }

    private init(_ handlers: any ChannelHandler...) throws {
        channel = EmbeddedChannel(handlers: handlers)
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/viewer")).wait()
    }

    private func receive(_ opcode: WebSocketOpcode, _ bytes: [UInt8] = [], fin: Bool = true, masked: Bool = true) throws
    {
        var data = ByteBuffer(bytes: bytes)
        if masked { data.webSocketMask(mask) }
        try channel.writeInbound(
            WebSocketFrame(fin: fin, opcode: opcode, maskKey: masked ? mask : nil, data: data))
    }

    private func closeCode() throws -> UInt16? {
        guard let frame = try channel.readOutbound(as: WebSocketFrame.self), frame.opcode == .connectionClose else {
            return nil
        }
        return frame.unmaskedData.getInteger(at: 0)
    }

    @Test("Binary messages come out as bytes, whole or in parts")
    func binary() throws {
        try receive(.binary, [1, 2, 3])
        try receive(.binary, [4], fin: false)
        try receive(.continuation, [5], fin: false)
        try receive(.ping, [9])
        try receive(.continuation, [6])
        var bytes: [UInt8] = []
        while let part = try channel.readInbound(as: ByteBuffer.self) { bytes += Array(buffer: part) }
        #expect(bytes == [1, 2, 3, 4, 5, 6])
        let pong = try #require(try channel.readOutbound(as: WebSocketFrame.self))
        #expect(pong.opcode == .pong && Array(buffer: pong.unmaskedData) == [9])
    }

    @Test("Bytes go out as binary messages, unmasked")
    func outbound() throws {
        try channel.writeOutbound(ByteBuffer(bytes: [7, 8]))
        let frame = try #require(try channel.readOutbound(as: WebSocketFrame.self))
        #expect(frame.opcode == .binary && frame.fin && frame.maskKey == nil)
        #expect(Array(buffer: frame.data) == [7, 8])
    }

    @Test("A close frame is answered with the same code, and the connection closed")
    func close() throws {
        try receive(.connectionClose, [0x03, 0xE8])
        #expect(try closeCode() == 1000)
        #expect(!channel.isActive)
    }

    @Test(
        "What breaks the protocol ends it with 1002",
        arguments: [
            [UInt8](), [0x03], [0x03, 0xED], [0x00, 0x00], [0x03, 0xE8, 0xFF, 0xFE],
        ])
    func badClose(payload: [UInt8]) throws {
        if payload.isEmpty {
            try receive(.continuation, [1])
        } else {
            try receive(.connectionClose, payload)
        }
        #expect(try closeCode() == 1002)
        // Whoever has sent a close frame sends nothing more that could be waited for.
        #expect(channel.isActive == payload.isEmpty)
    }

    @Test("Whoever keeps messages is told where each ends and what it is, and may send text")
    func messages() throws {
        let ends = MessageEnds()
        let messages = try WebSocketBytesTests(WebSocketBytes(keepsMessages: true), ends)
        try messages.receive(.text, Array("a".utf8), fin: false)
        try messages.receive(.ping)
        try messages.receive(.continuation, Array("b".utf8))
        try messages.receive(.binary)
        #expect(ends.seen == ["a", "b", "text", "binary"])
        let pong = try #require(try messages.channel.readOutbound(as: WebSocketFrame.self))
        #expect(pong.opcode == .pong)
        messages.channel.triggerUserOutboundEvent(WebSocketText(ByteBuffer(string: "c")), promise: nil)
        messages.channel.flush()
        let text = try #require(try messages.channel.readOutbound(as: WebSocketFrame.self))
        #expect(text.opcode == .text && text.fin && String(buffer: text.data) == "c")
    }

    @Test("A message within a message, an unmasked frame and a text are refused")
    func refused() throws {
        try receive(.binary, [1], fin: false)
        try receive(.binary, [2])
        #expect(try closeCode() == 1002)
        let unmasked = try WebSocketBytesTests()
        try unmasked.receive(.binary, [1], masked: false)
        #expect(try unmasked.closeCode() == 1002)
        let text = try WebSocketBytesTests()
        try text.receive(.text, Array("hello".utf8))
        #expect(try text.closeCode() == 1003)
    }

    @Test("The reason given for an end is sent, once, and nothing after it")
    func ending() throws {
        channel.triggerUserOutboundEvent(WebSocketEnd(code: 4401, reason: "the login has ended"), promise: nil)
        channel.triggerUserOutboundEvent(WebSocketEnd(code: 4410, reason: "the session has ended"), promise: nil)
        let frame = try #require(try channel.readOutbound(as: WebSocketFrame.self))
        #expect(frame.unmaskedData.getInteger(at: 0, as: UInt16.self) == 4401)
        #expect(frame.unmaskedData.getString(at: 2, length: 19) == "the login has ended")
        #expect(throws: ChannelError.self) { try channel.writeOutbound(ByteBuffer(bytes: [1])) }
        #expect(try channel.readOutbound(as: WebSocketFrame.self) == nil)
        // The peer's answer, or its silence, closes the connection.
        channel.embeddedEventLoop.advanceTime(by: .seconds(5))
        #expect(!channel.isActive)
    }
}

/// What comes out of the codec, in its order.
private final class MessageEnds: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var seen: [String] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        seen.append(String(buffer: unwrapInboundIn(data)))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let end = event as? WebSocketMessageEnd { seen.append(end.isText ? "text" : "binary") }
    }
}
