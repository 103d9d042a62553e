// One attempt at one address of a host: it has succeeded once its TLS handshake is done.
package import NIOCore
package import NIOPosix
import NIOTLS

/// Makes what looks names up; nil for what the system does. Each serves one connect.
package typealias ResolverMaker = @Sendable (any EventLoop) -> (any Resolver & Sendable)?

/// What the attempts at the addresses of a host have in common.
package struct AttemptTerms: Sendable {
    /// How long all of them may take together.
    package let limit: TimeAmount
    /// Addresses that are not tried again, with what was wrong there.
    let failures: [SocketAddress: any Error]
    /// Completes where nobody waits for the attempts any more. It is of the event loop that they are made on.
    let calledOff: EventLoopFuture<Void>?
    private let deadline: NIODeadline

    /// - Parameters:
    ///   - deadline: When the attempts are given up, all of them.
    ///   - failures: What was wrong at addresses that are not to be tried again; each fails at once with that.
    ///   - calledOff: Fails the attempts when it completes. Of the event loop that they are made on.
    package init(
        until deadline: NIODeadline, leavingOut failures: [SocketAddress: any Error] = [:],
        calledOff: EventLoopFuture<Void>? = nil
    ) {
        self.deadline = deadline
        self.failures = failures
        self.calledOff = calledOff
        limit = deadline - .now()
    }

    fileprivate func schedule(on loop: any EventLoop, _ giveUp: @escaping () -> Void) -> Scheduled<Void> {
        loop.assumeIsolated().scheduleTask(deadline: deadline, giveUp)
    }
}

/// Answers the connect of its channel only when TLS is up or will not be.
///
/// A bootstrap that knows several addresses of a host makes a channel for each, a quarter of a second apart, and keeps the
/// first whose connect is answered well. With this handler behind the one of TLS that is the first with a peer that does
/// TLS as is demanded: an address that is dead, refuses, takes connections without a word, or is another host's by now is
/// passed over, and what became of the other channels is theirs alone.
package final class ConnectionAttempt: ChannelDuplexHandler {
    /// Anything: what comes in is passed on as it is.
    package typealias InboundIn = Any
    /// Anything: only the connect is held back.
    package typealias OutboundIn = Any

    private let terms: AttemptTerms
    /// The handler that asks a proxy for the connection; nil where there is none.
    private let tunnel: ProxyTunnel?
    /// Of the connect, until it is answered.
    private var answer: EventLoopPromise<Void>?
    private var timer: Scheduled<Void>?

    init(_ terms: AttemptTerms, through tunnel: ProxyTunnel? = nil) {
        self.terms = terms
        self.tunnel = tunnel
    }

    /// Connects, and holds the answer back until TLS is up, or the attempt has failed.
    package func connect(context: ChannelHandlerContext, to address: SocketAddress, promise: EventLoopPromise<Void>?) {
        answer = promise ?? context.eventLoop.makePromise()
        tunnel?.onFailure { [self] in fail(context, $0) }
        if let failure = terms.failures[address] { return fail(context, failure) }
        timer = terms.schedule(on: context.eventLoop) { [self] in
            fail(context, ChannelError.connectTimeout(terms.limit))
        }
        terms.calledOff?.assumeIsolated().whenComplete { [self] _ in fail(context, CancellationError()) }
        let connected = context.eventLoop.makePromise(of: Void.self)
        connected.futureResult.assumeIsolated().whenFailure { [self] in fail(context, $0) }
        context.connect(to: address, promise: connected)
    }

    /// The end of the TLS handshake is what the connect is answered with.
    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.handshakeCompleted) = event as? TLSUserEvent { takeAnswer()?.succeed() }
        context.fireUserInboundEventTriggered(event)
    }

    /// An error before TLS is up fails the connect.
    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(context, error)
        context.fireErrorCaught(error)
    }

    /// An end before TLS is up fails the connect.
    package func channelInactive(context: ChannelHandlerContext) {
        fail(context, ChannelError.eof)
        context.fireChannelInactive()
    }

    /// Nothing is left unanswered.
    package func handlerRemoved(context: ChannelHandlerContext) { takeAnswer()?.fail(ChannelError.eof) }

    /// The bootstrap does not close a channel whose connect failed.
    private func fail(_ context: ChannelHandlerContext, _ error: any Error) {
        guard let answer = takeAnswer() else { return }
        answer.fail(tunnel?.naming(error) ?? error)
        context.close(promise: nil)
    }

    private func takeAnswer() -> EventLoopPromise<Void>? {
        timer?.cancel()
        timer = nil
        defer { answer = nil }
        return answer
    }
}
