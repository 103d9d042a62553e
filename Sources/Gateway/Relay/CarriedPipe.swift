// A connection within this process whose bytes travel as messages: one end speaks HTTP, the other is pumped.
import Glibc
import NIOCore
import NIOPosix
import Relay

/// One carried stream at one of its two members.
final class CarriedPipe: Sendable {
    /// The end for HTTP.
    let transport: any Channel
    private let inner: NIOAsyncChannel<ByteBuffer, ByteBuffer>
    private let incoming: AsyncStream<ByteBuffer>
    private let incomingBytes: AsyncStream<ByteBuffer>.Continuation
    private let room: AsyncStream<Void>
    private let roomSignal: AsyncStream<Void>.Continuation

    private init(_ transport: any Channel, _ inner: NIOAsyncChannel<ByteBuffer, ByteBuffer>) {
        self.transport = transport
        self.inner = inner
        (incoming, incomingBytes) = AsyncStream.makeStream()
        (room, roomSignal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    static func make(_ group: any EventLoopGroup) async throws -> CarriedPipe {
        var ends: [CInt] = [-1, -1]
        guard unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
            throw IOError(errnoCode: errno, reason: "socketpair")
        }
        let transport = try await ClientBootstrap(group: group).withConnectedSocket(ends[0]).get()
        let inner = try await ClientBootstrap(group: group).withConnectedSocket(ends[1]) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        return CarriedPipe(transport, inner)
    }

    /// Pumps until either end closes.
    ///
    /// - Parameters:
    ///   - room: How many bytes the other member takes now; nil when the stream is gone.
    ///   - send: Sends bytes to the other member; no more than there is room for.
    ///   - passed: Counts bytes that were passed on here.
    func run(
        room: @escaping @Sendable () async -> Int?, send: @escaping @Sendable ([UInt8]) async throws -> Void,
        passed: @escaping @Sendable (Int) async -> Void
    ) async {
        do {
            try await inner.executeThenClose { inbound, outbound in
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await self.pumpOut(inbound, room, send) }
                    group.addTask { await self.pumpIn(outbound, passed) }
                    await group.next()
                    group.cancelAll()
                }
            }
        } catch {
            // Whatever ended the connection, it has ended.
        }
        end()
    }

    private func pumpOut(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ room: @Sendable () async -> Int?,
        _ send: @Sendable ([UInt8]) async throws -> Void
    ) async {
        var signals = self.room.makeAsyncIterator()
        do {
            for try await var bytes in inbound {
                while bytes.readableBytes > 0 {
                    guard let room = await room() else { return }
                    let count = min(room, bytes.readableBytes, CarriedStream.chunkByteCount)
                    guard count > 0, let part = bytes.readBytes(length: count) else {
                        guard await signals.next() != nil else { return }
                        continue
                    }
                    try await send(part)
                }
            }
        } catch {
            // Ended as well.
        }
    }

    private func pumpIn(
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, _ passed: @Sendable (Int) async -> Void
    ) async {
        for await bytes in incoming {
            do {
                try await outbound.write(bytes)
            } catch {
                return
            }
            await passed(bytes.readableBytes)
        }
    }

    /// Takes bytes of the other member; the stream's window bounds how many wait here.
    func deliver(_ bytes: ArraySlice<UInt8>) { incomingBytes.yield(ByteBuffer(bytes: bytes)) }

    /// The other member may take more.
    func hasRoom() { roomSignal.yield() }

    func end() {
        incomingBytes.finish()
        roomSignal.finish()
        inner.channel.close(promise: nil)
        transport.close(promise: nil)
    }
}
