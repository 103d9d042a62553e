// The stream to a worker: frames out, and one answer to each question.
import JSON
import NIOCore
import NIOPosix
import OperatingSystem

/// What came of a question.
enum WorkerReply: Sendable, Equatable {
    case frame(WorkerFrame)
    /// Nothing, until the time was over.
    case late
    /// Something that is no frame, or a frame that nobody has asked for.
    case nonsense
    /// The worker has closed its end of the stream.
    case ended
}

/// One worker's stream. It is used by one caller at a time.
final class WorkerConnection: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<AnswerHandler>

    private init(channel: any Channel, handler: NIOLoopBound<AnswerHandler>) {
        self.channel = channel
        self.handler = handler
    }

    /// Takes the descriptor of a stream socket over.
    ///
    /// - Parameter misused: Called where the worker sends what it should not, whether somebody waits for an answer or not.
    static func open(
        _ descriptor: OwnedDescriptor, on group: any EventLoopGroup, misused: @escaping @Sendable () -> Void
    ) async throws -> WorkerConnection {
        let (channel, handler) = try await ClientBootstrap(group: group)
            .channelOption(.maxMessagesPerRead, value: 16)
            .withConnectedSocket(descriptor.take()) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = AnswerHandler(eventLoop: channel.eventLoop, misused: misused)
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

    /// Whether the worker's end is still there.
    var isOpen: Bool { channel.isActive }

    /// Sends a question and waits for its answer, the end of the stream, or the end of the time.
    func ask(_ frame: WorkerFrame, within limit: Duration) async -> WorkerReply {
        let bytes = frame.encode(channel.allocator)
        let promise = channel.eventLoop.makePromise(of: WorkerReply.self)
        channel.eventLoop.execute { [channel, handler] in
            handler.value.await(promise, for: TimeAmount(limit))
            channel.writeAndFlush(bytes, promise: nil)
        }
        do { return try await promise.futureResult.get() } catch { return .ended }
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
    private let misused: @Sendable () -> Void
    private var waiter: EventLoopPromise<WorkerReply>?
    private var timer: Scheduled<Void>?
    /// How the stream ended, once it has.
    private var end: WorkerReply?
    /// Whether a question was too late to be answered: what comes then is no nonsense.
    private var isLate = false

    init(eventLoop: any EventLoop, misused: @escaping @Sendable () -> Void) {
        self.eventLoop = eventLoop
        self.misused = misused
    }

    func await(_ promise: EventLoopPromise<WorkerReply>, for limit: TimeAmount) {
        if let end { return promise.succeed(end) }
        waiter = promise
        timer = eventLoop.assumeIsolated().scheduleTask(in: limit) { [weak self] in
            self?.isLate = true
            self?.resume(.late)
        }
    }

    private func resume(_ reply: WorkerReply) {
        timer?.cancel()
        timer = nil
        let promise = waiter
        waiter = nil
        promise?.succeed(reply)
    }

    /// An answer that nobody waits for is nothing where it came too late: its worker is being ended. Otherwise a script
    /// speaks for the worker, and could go on with that for ever.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if waiter != nil {
            resume(.frame(unwrapInboundIn(data)))
        } else if !isLate {
            reject(context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end = end ?? .ended
        resume(.ended)
    }

    /// What is no frame ends the stream; so does a worker that goes without having read everything.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is WorkerFrameError { return reject(context) }
        end = end ?? .ended
        resume(.ended)
        context.close(promise: nil)
    }

    private func reject(_ context: ChannelHandlerContext) {
        guard end == nil else { return }
        end = .nonsense
        resume(.nonsense)
        context.close(promise: nil)
        misused()
    }
}
