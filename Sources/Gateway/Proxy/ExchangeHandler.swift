// What is asked and answered on one connection to another member: the end of its pipeline, on its event loop.
package import HTTPTypes
package import NIOCore
package import NIOHTTPTypes

/// An answer.
package struct MemberAnswer: Sendable {
    /// How much of the body is there.
    package enum Body: Sendable {
        /// It came together with the head.
        case whole(ByteBuffer)
        /// It comes bit by bit. Whoever does not read it to its end has to call the closure.
        case parts(BodyParts, abandon: @Sendable () -> Void)
    }

    /// Never that of an interim answer (1xx).
    package let head: HTTPResponse
    /// May be empty, in either form.
    package let body: Body
}

/// Parts of a body on their way to the task that reads them. Where it is slow, the connection is not read.
package typealias BodyParts = NIOThrowingAsyncSequenceProducer<
    ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, BodyDemand
>

/// Tells the connection when its reader has room again.
package struct BodyDemand: NIOAsyncSequenceProducerDelegate {
    fileprivate let handler: NIOLoopBound<ExchangeHandler>

    package func produceMore() { handler.run { $0.readOn() } }

    /// A reader that ends early abandons the answer.
    package func didTerminate() {}
}

extension NIOLoopBound {
    /// Runs on the event loop: at once where this is it.
    func run(_ body: @escaping @Sendable (Value) -> Void) {
        if eventLoop.inEventLoop { body(value) } else { eventLoop.execute { body(value) } }
    }
}

/// Asks one thing after the other.
package final class ExchangeHandler: ChannelDuplexHandler, NIOScheduledCallbackHandler {
    package typealias InboundIn = HTTPResponsePart
    package typealias OutboundIn = Never
    package typealias OutboundOut = HTTPRequestPart

    /// A request, and who waits for the answer.
    package struct Question: Sendable {
        let head: HTTPRequest
        let body: ByteBuffer
        /// How long the answer may take to begin.
        let answerTime: Duration
        let answer: CheckedContinuation<MemberAnswer, any Error>
        /// Is called once the connection is ready for the next one.
        let isIdle: @Sendable () -> Void

        package init(
            head: HTTPRequest, body: ByteBuffer, answerTime: Duration,
            answer: CheckedContinuation<MemberAnswer, any Error>, isIdle: @escaping @Sendable () -> Void
        ) {
            self.head = head
            self.body = body
            self.answerTime = answerTime
            self.answer = answer
            self.isIdle = isIdle
        }
    }

    private enum State {
        case idle
        case asked(Question)
        /// The head has come, and so much of the body in the same read.
        case beginning(Question, HTTPResponse, ByteBuffer)
        case answering(Question, HTTPResponse, BodyParts.Source)
        case closed
    }

    private static let partCountLow = 2
    private static let partCountHigh = 10

    private var state = State.idle
    private var context: ChannelHandlerContext?
    /// How many questions there were, by which each is known.
    private var number = 0
    /// The reader of the body has no room.
    private var isHeld = false
    private var isReadWanted = false
    /// When the answer has to have begun.
    private var deadline: NIODeadline?
    /// One timer for all questions: setting and cancelling one for each is dear where a loop has many.
    private var timer: (callback: NIOScheduledCallback, time: NIODeadline)?

    /// Idle, once it is in a pipeline.
    package init() {}

    package func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    package func handlerRemoved(context: ChannelHandlerContext) {
        fail(ChannelError.inputClosed)
        self.context = nil
    }

    // MARK: Questions

    /// Asks; the connection has to be idle.
    package func ask(_ question: Question) {
        guard let context, case .idle = state else {
            return question.answer.resume(throwing: ChannelError.ioOnClosedChannel)
        }
        state = .asked(question)
        number += 1
        expectAnswer(context, context.eventLoop.now + TimeAmount(question.answerTime))
        context.write(wrapOutboundOut(.head(question.head)), promise: nil)
        if question.body.readableBytes > 0 {
            context.write(wrapOutboundOut(.body(question.body)), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func expectAnswer(_ context: ChannelHandlerContext, _ time: NIODeadline) {
        deadline = time
        if let timer {
            guard timer.time > time else { return }
            timer.callback.cancel()
        }
        setTimer(context, time)
    }

    private func setTimer(_ context: ChannelHandlerContext, _ time: NIODeadline) {
        let callback = try? context.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleCallback(at: time, handler: self)
        timer = callback.map { ($0, time) }
    }

    package func handleScheduledCallback(eventLoop: some EventLoop) {
        timer = nil
        guard let context, let deadline else { return }
        if deadline <= eventLoop.now { context.close(promise: nil) } else { setTimer(context, deadline) }
    }

    // MARK: Answers

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .asked(let question)):
            // Interim answers say nothing to the one who asked.
            guard head.status.kind != .informational else { return }
            deadline = nil
            state = .beginning(question, head, ByteBuffer())
        case (.body(let bytes), .beginning(let question, let head, var body)):
            if body.readableBytes == 0 { body = bytes } else { body.writeImmutableBuffer(bytes) }
            state = .beginning(question, head, body)
        case (.end, .beginning(let question, let head, let body)):
            end(context, question, head)
            question.answer.resume(returning: MemberAnswer(head: head, body: .whole(body)))
        case (.body(let bytes), .answering(_, _, let parts)): send(bytes, parts)
        case (.end, .answering(let question, let head, let parts)):
            end(context, question, head)
            parts.finish()
        case (_, .closed): break
        case (_, .idle), (.head, _), (_, .asked):
            errorCaught(context: context, error: ChannelError.inappropriateOperationForState)
        }
    }

    private func end(_ context: ChannelHandlerContext, _ question: Question, _ head: HTTPResponse) {
        isHeld = false
        if head.headerFields[.connection]?.lowercased() == "close" {
            state = .closed
            context.close(promise: nil)
        } else {
            state = .idle
            question.isIdle()
        }
    }

    /// A body that did not come with its head is read as it comes.
    package func channelReadComplete(context: ChannelHandlerContext) {
        if case .beginning(let question, let head, let body) = state {
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            let parts = BodyParts.makeSequence(
                elementType: ByteBuffer.self,
                backPressureStrategy: .init(lowWatermark: Self.partCountLow, highWatermark: Self.partCountHigh),
                finishOnDeinit: false, delegate: BodyDemand(handler: bound))
            state = .answering(question, head, parts.source)
            if body.readableBytes > 0 { send(body, parts.source) }
            question.answer.resume(
                returning: MemberAnswer(
                    head: head,
                    body: .parts(parts.sequence) { [number] in bound.run { $0.abandon(number) } }))
        }
        context.fireChannelReadComplete()
    }

    private func send(_ bytes: ByteBuffer, _ parts: BodyParts.Source) {
        if case .stopProducing = parts.yield(bytes) { isHeld = true }
    }

    /// Gives the connection up, unless the answer has ended by now.
    private func abandon(_ number: Int) {
        if number == self.number, case .answering = state { context?.close(promise: nil) }
    }

    // MARK: The connection

    package func read(context: ChannelHandlerContext) {
        if isHeld { isReadWanted = true } else { context.read() }
    }

    fileprivate func readOn() {
        isHeld = false
        guard isReadWanted else { return }
        isReadWanted = false
        context?.read()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error)
        context.close(promise: nil)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        fail(ChannelError.inputClosed)
        context.fireChannelInactive()
    }

    private func fail(_ error: any Error) {
        let old = state
        state = .closed
        deadline = nil
        timer?.callback.cancel()
        timer = nil
        switch old {
        case .asked(let question), .beginning(let question, _, _): question.answer.resume(throwing: error)
        case .answering(_, _, let parts): parts.finish(error)
        case .idle, .closed: break
        }
    }
}
