// Two channels joined: bytes both ways, a slow side holds the other up, and an end ends both.
import Foundation
import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import Testing
import Transport

@Suite("Joined channels")
struct GlueHandlerTests {
    private final class Ends: Sendable {
        let first = Atomic(0)
        let second = Atomic(0)
    }

    private let ends = Ends()

    private func makePair() throws -> (EmbeddedChannel, EmbeddedChannel) {
        // Not of the whole suite: it has to be let go on the thread that made it, and an async test changes threads.
        let loop = EmbeddedEventLoop()
        let glue = Glue(
            first: loop, second: loop, firstEnded: { [ends] in ends.first.add(1, ordering: .relaxed) },
            secondEnded: { [ends] in ends.second.add(1, ordering: .relaxed) })
        let left = EmbeddedChannel(handlers: [glue.handler(.first)], loop: loop)
        let right = EmbeddedChannel(handlers: [glue.handler(.second)], loop: loop)
        let address = try SocketAddress(unixDomainSocketPath: "/x")
        left.connect(to: address, promise: nil)
        right.connect(to: address, promise: nil)
        return (left, right)
    }

    @Test("What one side reads the other writes")
    func bytes() throws {
        let (left, right) = try makePair()
        try left.writeInbound(ByteBuffer(string: "to the right"))
        try right.writeInbound(ByteBuffer(string: "to the left"))
        #expect(try right.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } == "to the right")
        #expect(try left.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } == "to the left")
    }

    @Test("While one side cannot be written to, the other is not read")
    func backpressure() throws {
        let (left, right) = try makePair()
        final class ReadCounter: ChannelOutboundHandler {
            typealias OutboundIn = Never
            var count = 0
            func read(context: ChannelHandlerContext) {
                count += 1
                context.read()
            }
        }
        let counter = ReadCounter()
        try left.pipeline.syncOperations.addHandler(counter, position: .first)
        right.isWritable = false
        right.pipeline.fireChannelWritabilityChanged()
        left.read()
        #expect(counter.count == 0)
        right.isWritable = true
        right.pipeline.fireChannelWritabilityChanged()
        #expect(counter.count == 1)
    }

    private var counts: [Int] { [ends.first.load(ordering: .relaxed), ends.second.load(ordering: .relaxed)] }

    @Test("The end of each side is told once")
    func end() throws {
        let (left, right) = try makePair()
        _ = try left.finish()
        #expect(counts == [1, 0])
        _ = try right.finish()
        #expect(counts == [1, 1])
    }

    /// Two of the four sockets of two pairs, joined across event loops; the other two are returned.
    private func joinAcrossLoops(_ group: MultiThreadedEventLoopGroup) async throws -> [CInt] {
        let loops = group.makeIterator().map { $0 }
        let (left, right) = (try socketPair(), try socketPair())
        let glue = Glue(
            first: loops[0], second: loops[1], closing: [.second], firstEnded: {}, secondEnded: {})
        for (loop, descriptor, side) in [(loops[0], left[0], Glue.Side.first), (loops[1], right[0], .second)] {
            _ = try await ClientBootstrap(group: loop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(glue.handler(side))
                    }
                }
                .withConnectedSocket(descriptor).get()
        }
        return [left[1], right[1]]
    }

    private func socketPair() throws -> [CInt] {
        var ends: [CInt] = [-1, -1]
        try #require(unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
        return ends
    }

    @Test("Between two event loops every byte arrives once and in order, also at a slow reader, and the end does")
    func acrossLoops() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let ends = try await joinAcrossLoops(group)
        let sent = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ ($0 >> 8)) }
        let writer = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        let reader = FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
        Thread.detachNewThread {
            writer.write(Data(sent))
            try? writer.close()
        }
        var received: [UInt8] = []
        while let part = try reader.read(upToCount: 10_007), !part.isEmpty { received += part }
        #expect(received == sent)
        try await group.shutdownGracefully()
    }
}
