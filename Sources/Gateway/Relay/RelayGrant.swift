// What a member gets for a good nonce.
package import NIOCore
import Relay
import Replica

/// The right to one connection, which is used by giving it a channel, or lost.
package final class RelayGrant: Sendable {
    private let exchange: RelayExchange
    private let dial: DialID
    private let member: ServerID

    init(exchange: RelayExchange, dial: DialID, member: ServerID) {
        self.exchange = exchange
        self.dial = dial
        self.member = member
    }

    deinit { exchange.abandon(dial, member) }

    /// Gives the upgraded channel to whoever waits for it; on its event loop.
    package func use(_ channel: any Channel) throws -> UpgradedSession {
        try channel.pipeline.syncOperations.addHandler(
            WebSocketBytes(meter: exchange.connections.meter(of: member)))
        exchange.attach(channel, dial, member)
        return {
            await withTaskCancellationHandler {
                // A channel that is closed is all there is to wait for.
                _ = try? await channel.closeFuture.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        }
    }
}
