// Joins two channels: what one reads the other writes, no faster than it takes it.
package import NIOCore

/// Two channels that are joined, each on its event loop or both on the same.
package final class Glue: Sendable {
    /// One of the two channels.
    package enum Side: Sendable {
        case first, second

        fileprivate var other: Side { self == .first ? .second : .first }
    }

    /// What is known of one side, on its event loop. Handlers and this object hold each other until the side is over.
    private struct Seat {
        var handler: GlueHandler?
        var isOver = false
    }

    private struct End: Sendable {
        let seat: NIOLoopBoundBox<Seat>
        let hasEnded: @Sendable () -> Void
    }

    private let first: End
    private let second: End
    /// Sides that are closed when the other one has ended, once all that came from it has been written.
    private let closing: Set<Side>

    /// - Parameters:
    ///   - first: The event loop of the first channel.
    ///   - closing: Sides that are closed when the other one has ended, once all that came from it has been written.
    ///   - firstEnded: Called once, on its loop, when the first channel has no more to read.
    package init(
        first: any EventLoop, second: any EventLoop, closing: Set<Side> = [],
        firstEnded: @escaping @Sendable () -> Void,
        secondEnded: @escaping @Sendable () -> Void
    ) {
        self.first = End(seat: .makeBoxSendingValue(Seat(), eventLoop: first), hasEnded: firstEnded)
        self.closing = closing
        self.second = End(seat: .makeBoxSendingValue(Seat(), eventLoop: second), hasEnded: secondEnded)
    }

    /// The handler of one side, to be added to its channel once; on its event loop.
    package func handler(_ side: Side) -> GlueHandler {
        let seat = end(side).seat
        if let handler = seat.value.handler { return handler }
        let handler = GlueHandler(
            self, side, isOneLoop: first.seat.eventLoop === second.seat.eventLoop,
            closesWithPartner: closing.contains(side))
        if seat.value.isOver { handler.partnerHasEnded() } else { seat.value.handler = handler }
        return handler
    }

    /// One side will never have a channel.
    package func abandon(_ side: Side) {
        let seat = end(side).seat
        seat.eventLoop.execute { seat.value = Seat(handler: nil, isOver: true) }
    }

    fileprivate func tell(_ side: Side, _ action: @escaping @Sendable (GlueHandler) -> Void) {
        let seat = end(side).seat
        if seat.eventLoop.inEventLoop {
            if !seat.value.isOver { action(handler(side)) }
        } else {
            seat.eventLoop.execute { [self] in
                if !seat.value.isOver { action(handler(side)) }
            }
        }
    }

    fileprivate func ended(_ side: Side) {
        end(side).seat.value = Seat(handler: nil, isOver: true)
        end(side).hasEnded()
        let other = end(side.other).seat
        let tellOther: @Sendable () -> Void = {
            if let handler = other.value.handler { handler.partnerHasEnded() } else { other.value.isOver = true }
        }
        if other.eventLoop.inEventLoop { tellOther() } else { other.eventLoop.execute(tellOther) }
    }

    private func end(_ side: Side) -> End { side == .first ? first : second }
}

/// One side. Reading stops while the partner's outbound buffer is full, so that a slow side holds the other up rather
/// than filling memory.
package final class GlueHandler: ChannelDuplexHandler {
    /// Of the side's own channel.
    package typealias InboundIn = ByteBuffer
    /// From handlers behind it; there are none as a rule.
    package typealias OutboundIn = ByteBuffer
    /// From the partner.
    package typealias OutboundOut = ByteBuffer

    private let glue: Glue
    private let side: Glue.Side
    private let isOneLoop: Bool
    private let closesWithPartner: Bool
    private var context: ChannelHandlerContext?
    private var isReadPending = false
    private var hasEnded = false
    private var partnerIsWritable = false
    private var partnerIsGone = false
    /// Between two loops: what was read last is not in the partner's hands yet.
    private var isHandingOver = false
    /// What came before this side's channel was there.
    private var early: [ByteBuffer] = []

    /// How long what is left may take to be written after the partner's end.
    private static let closingTime: TimeAmount = .seconds(10)

    fileprivate init(_ glue: Glue, _ side: Glue.Side, isOneLoop: Bool, closesWithPartner: Bool) {
        self.glue = glue
        self.side = side
        self.isOneLoop = isOneLoop
        self.closesWithPartner = closesWithPartner
    }

    /// Takes up the channel: what has come from the partner meanwhile is written at once.
    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        for data in early { context.write(wrapOutboundOut(data), promise: nil) }
        if !early.isEmpty { context.flush() }
        early = []
        tellWritability(context)
        if partnerIsGone { closeIfWanted() }
    }

    /// The side has ended, also where its channel lives on with other handlers.
    package func handlerRemoved(context: ChannelHandlerContext) { end() }

    /// Goes to the partner, to be written there.
    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        glue.tell(side.other) { $0.take(bytes) }
    }

    /// The partner flushes; between two event loops no more is read before it has.
    package func channelReadComplete(context: ChannelHandlerContext) {
        if isOneLoop { return glue.tell(side.other) { $0.context?.flush() } }
        isHandingOver = true
        let (glue, side) = (glue, side)
        glue.tell(side.other) {
            $0.context?.flush()
            glue.tell(side) { $0.handedOver() }
        }
    }

    /// The side has ended.
    package func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    /// Closes the channel: what went wrong is told by its end.
    package func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// Lets the partner read, or keeps it from it.
    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        tellWritability(context)
        context.fireChannelWritabilityChanged()
    }

    /// Put off while the partner cannot take more.
    package func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { isReadPending = true }
    }

    private var mayRead: Bool { partnerIsGone || (partnerIsWritable && !isHandingOver) }

    private func tellWritability(_ context: ChannelHandlerContext) {
        let isWritable = context.channel.isWritable
        glue.tell(side.other) { $0.partnerIsNow(writable: isWritable) }
    }

    private func end() {
        context = nil
        guard !hasEnded else { return }
        hasEnded = true
        glue.ended(side)
    }

    // MARK: From the partner

    fileprivate func take(_ bytes: ByteBuffer) {
        if let context {
            context.write(wrapOutboundOut(bytes), promise: nil)
        } else if !hasEnded {
            early.append(bytes)
        }
    }

    fileprivate func partnerIsNow(writable: Bool) {
        partnerIsWritable = writable
        readIfPending()
    }

    fileprivate func handedOver() {
        isHandingOver = false
        readIfPending()
    }

    fileprivate func partnerHasEnded() {
        partnerIsGone = true
        closeIfWanted()
        readIfPending()
    }

    private func closeIfWanted() {
        guard closesWithPartner, let context else { return }
        let channel = context.channel
        let timer = context.eventLoop.scheduleTask(in: Self.closingTime) { channel.close(promise: nil) }
        // Written after all that is waiting.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
            timer.cancel()
            channel.close(promise: nil)
        }
    }

    private func readIfPending() {
        guard isReadPending, mayRead, let context else { return }
        isReadPending = false
        context.read()
    }
}
