// One viewer of a display that asks for the whole picture again and again, unpacked: as much as a display can send.
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// The RFB protocol (RFC 6143) as far as a picture needs it, over the messages of a WebSocket.
final class DisplayPull: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    /// What is read next.
    private enum Phase {
        case version, securityTypes, securityResult, screen, name(Int), picture
    }

    private static let version = Array("RFB 003.008\n".utf8)
    private static let noSecurity: UInt8 = 1
    /// In a screen's description: width, height, form of a pixel, length of the name.
    private static let screenByteCount = 24

    private let tally: Tally
    private var phase = Phase.version
    private var unread = ByteBuffer()
    private var width: UInt16 = 0
    private var height: UInt16 = 0
    /// Of the picture that is coming.
    private var missing = 0
    private var began: NIODeadline = .now()

    init(_ tally: Tally) { self.tally = tally }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .binary, .continuation:
            var bytes = frame.unmaskedData
            if case .picture = phase { return take(context, bytes.readableBytes) }
            unread.writeBuffer(&bytes)
            while greet(context) {}
        case .connectionClose:
            tally.fail("the display was closed")
            context.close(promise: nil)
        default: break
        }
    }

    /// One step of the beginning; false where more has to come first.
    private func greet(_ context: ChannelHandlerContext) -> Bool {
        switch phase {
        case .version:
            guard unread.readSlice(length: Self.version.count) != nil else { return false }
            send(context, Self.version)
            phase = .securityTypes
        case .securityTypes:
            guard let count = unread.getInteger(at: unread.readerIndex, as: UInt8.self),
                unread.readSlice(length: 1 + Int(count)) != nil
            else { return false }
            send(context, [Self.noSecurity])
            phase = .securityResult
        case .securityResult:
            guard let result = unread.readInteger(as: UInt32.self) else { return false }
            guard result == 0 else {
                tally.fail("the display lets nobody in")
                context.close(promise: nil)
                return false
            }
            // Others may go on looking.
            send(context, [1])
            phase = .screen
        case .screen:
            guard var screen = unread.readSlice(length: Self.screenByteCount),
                let (width, height) = screen.readMultipleIntegers(as: (UInt16, UInt16).self),
                let length = screen.getInteger(at: screen.writerIndex - 4, as: UInt32.self)
            else { return false }
            self.width = width
            self.height = height
            phase = .name(Int(length))
        case .name(let length):
            guard unread.readSlice(length: length) != nil else { return false }
            // Set encodings: one, pixels as they are.
            send(context, [2, 0, 0, 1, 0, 0, 0, 0])
            phase = .picture
            ask(context)
            return false
        case .picture: return false
        }
        return true
    }

    /// All of the picture, whether or not it has changed.
    private func ask(_ context: ChannelHandlerContext) {
        var request = ByteBuffer()
        request.writeMultipleIntegers(UInt8(3), UInt8(0), UInt16(0), UInt16(0), width, height)
        send(context, Array(buffer: request))
        // Four bytes a pixel. The headers of the rectangles are not counted: some bytes of one picture count for the next.
        missing += 4 * Int(width) * Int(height)
        began = .now()
    }

    private func take(_ context: ChannelHandlerContext, _ byteCount: Int) {
        tally.add(byteCount: byteCount)
        missing -= byteCount
        guard missing <= 0 else { return }
        tally.add(answerAfter: .now() - began)
        ask(context)
    }

    private func send(_ context: ChannelHandlerContext, _ bytes: [UInt8]) {
        let frame = WebSocketFrame(
            fin: true, opcode: .binary, maskKey: .random(), data: context.channel.allocator.buffer(bytes: bytes))
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { tally.fail("the display's connection ended") }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        tally.fail("\(error)")
        context.close(promise: nil)
    }
}

extension Dialler {
    private static let frameByteCountMax = 1 << 24

    /// Opens a display.
    func openDisplay(_ path: String, _ tally: Tally, on route: Route) async throws -> any Channel {
        let head = HTTPRequestHead.make(.GET, path, route)
        let opened = measured.makePromise(of: (any Channel).self)
        do {
            try await connect(route, on: measured) { channel in
                let upgrader = NIOTypedWebSocketClientUpgrader<Void>(maxFrameSize: Self.frameByteCountMax) {
                    channel, _ in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(DisplayPull(tally))
                        opened.succeed(channel)
                    }
                }
                let upgrade = NIOTypedHTTPClientUpgradeConfiguration(upgradeRequestHead: head, upgraders: [upgrader]) {
                    channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(UpgradeRefusal(opened, route.name))
                    }
                }
                var configuration = NIOUpgradableHTTPClientPipelineConfiguration(upgradeConfiguration: upgrade)
                // The display's first words may come together with the answer.
                configuration.leftOverBytesStrategy = .forwardBytes
                try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(configuration: configuration)
                    .cascadeFailure(to: opened)
            }
        } catch {
            opened.fail(error)
        }
        return try await opened.futureResult.get()
    }
}

/// Tells how the wish for a WebSocket was answered instead.
private final class UpgradeRefusal: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let opened: EventLoopPromise<any Channel>
    private let name: String

    init(_ opened: EventLoopPromise<any Channel>, _ name: String) {
        self.opened = opened
        self.name = name
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = unwrapInboundIn(data) else { return }
        opened.fail(BenchmarkError("\(name): the display was answered by \(head.status)"))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { opened.fail(ChannelError.eof) }
}
