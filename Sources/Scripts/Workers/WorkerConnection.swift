// The stream to a worker: frames out, and one answer to each question.
import JSON
import NIOCore
import NIOPosix
import OperatingSystem

/// One worker's stream. It is used by one caller at a time.
final class WorkerConnection: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<AnswerHandler>

    private init(channel: any Channel, handler: NIOLoopBound<AnswerHandler>) {
        self.channel = channel
        self.handler = handler
    }

    /// Takes the descriptor of a stream socket over.
    static func open(_ descriptor: OwnedDescriptor, on group: any EventLoopGroup) async throws -> WorkerConnection {
        let (channel, handler) = try await ClientBootstrap(group: group)
            .channelOption(.maxMessagesPerRead, value: 16)
            .withConnectedSocket(descriptor.take()) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = AnswerHandler(eventLoop: channel.eventLoop)
                    try channel.pipeline.syncOperations.addHandlers([
                        ByteToMessageHandler(FrameByteDecoder()), handler,
                    ])
                    return (channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
                }
            }
        return WorkerConnection(channel: channel, handler: handler)
    }

    /// Sends what has no answer.
    func tell(_ frame: WorkerFrame) {
        channel.writeAndFlush(frame.encode(channel.allocator), promise: nil)
    }

    /// Sends a question; its answer, or nil once the stream has ended or the time is over.
    func ask(_ frame: WorkerFrame, within limit: Duration) async -> WorkerFrame? {
        let bytes = frame.encode(channel.allocator)
        let promise = channel.eventLoop.makePromise(of: WorkerFrame?.self)
        channel.eventLoop.execute { [channel, handler] in
            handler.value.await(promise, for: TimeAmount(limit))
            channel.writeAndFlush(bytes, promise: nil)
        }
        // The promise is never failed.
        return try? await promise.futureResult.get()
    }

    /// Ends the worker's input, upon which it ends.
    func close() { channel.close(promise: nil) }
}

/// The one decoder, as the pipeline's handler wants it.
private struct FrameByteDecoder: ByteToMessageDecoder {
    typealias InboundOut = WorkerFrame
    private let decoder = WorkerFrameDecoder()

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        guard let frame = try decoder.decode(buffer: &buffer) else { return .needMoreData }
        context.fireChannelRead(wrapInboundOut(frame))
        return .continue
    }
}

/// Hands an answer to whoever waits for it.
private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = WorkerFrame

    private let eventLoop: any EventLoop
    private var waiter: EventLoopPromise<WorkerFrame?>?
    private var timer: Scheduled<Void>?
    private var isEnded = false

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func await(_ promise: EventLoopPromise<WorkerFrame?>, for limit: TimeAmount) {
        guard !isEnded else { return promise.succeed(nil) }
        waiter = promise
        timer = eventLoop.assumeIsolated().scheduleTask(in: limit) { [weak self] in self?.resume(nil) }
    }

    private func resume(_ frame: WorkerFrame?) {
        timer?.cancel()
        timer = nil
        let promise = waiter
        waiter = nil
        promise?.succeed(frame)
    }

    /// An answer that nobody waits for came too late: its worker is being ended.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { resume(unwrapInboundIn(data)) }

    func channelInactive(context: ChannelHandlerContext) {
        isEnded = true
        resume(nil)
    }

    /// What is no frame ends the stream; whoever asked sees that no answer came.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        isEnded = true
        resume(nil)
        context.close(promise: nil)
    }
}
