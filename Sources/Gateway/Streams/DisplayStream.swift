// Joins the WebSocket of a browser with the connected socket of a display.
package import NIOCore
import NIOPosix
import Transport

/// One viewer of one display.
package final class DisplayStream: Sendable {
    private let channel: any Channel
    private let finished: EventLoopFuture<Void>

    /// Joins an upgraded WebSocket channel and a connected stream socket, whose descriptor belongs to this call from
    /// now on. On the channel's event loop.
    ///
    /// - Parameter displayEnded: What to tell the browser when the display closes its end.
    package init(channel: any Channel, descriptor: CInt, displayEnded: @escaping @Sendable () -> WebSocketEnd) throws {
        self.channel = channel
        finished = channel.closeFuture
        let loop = channel.eventLoop
        let bound = NIOLoopBoundBox<(any Channel)?>(nil, eventLoop: loop)
        let glue = Glue(
            first: loop, second: loop, firstEnded: { bound.value?.close(promise: nil) },
            secondEnded: { channel.triggerUserOutboundEvent(displayEnded(), promise: nil) })
        try channel.pipeline.syncOperations.addHandlers([WebSocketBytes(), glue.handler(.first)])
        // Nothing is read from the browser before the display is there to take it.
        try channel.syncOptions?.setOption(.autoRead, value: false)
        ClientBootstrap(group: loop)
            .channelInitializer { target in
                target.eventLoop.makeCompletedFuture {
                    try target.pipeline.syncOperations.addHandler(glue.handler(.second))
                }
            }
            .withConnectedSocket(descriptor)
            .whenComplete { result in
                switch result {
                case .success(let target):
                    bound.value = target
                    if !channel.isActive { target.close(promise: nil) }
                    channel.setOption(.autoRead, value: true).whenSuccess { channel.read() }
                case .failure:
                    channel.triggerUserOutboundEvent(
                        WebSocketEnd(code: 1011, reason: "the display's socket cannot be used"), promise: nil)
                }
            }
    }

    /// Tells the browser why, and ends the stream.
    package func close(_ end: WebSocketEnd) { channel.triggerUserOutboundEvent(end, promise: nil) }

    /// Returns when the browser is gone; a cancelled task says goodbye first.
    package func wait() async {
        await withTaskCancellationHandler {
            // A channel that is closed is all there is to wait for.
            _ = try? await finished.get()
        } onCancel: {
            close(.goingAway)
        }
    }
}
