// Opens a connection to an external member because it asked for one.
import HTTPTypes
import NIOCore
import NIOWebSocket
import Transport

/// A connection on which an external member asks and this one answers.
struct RelayedConnection: Sendable {
    let channel: any Channel
    /// Serves it until it ends.
    let session: UpgradedSession
}

extension MemberClient {
    /// Where external members take such connections.
    package static let relayPath = "/cluster/relay"

    private static var frameByteCountMax: Int { 1 << 20 }

    /// Opens one.
    ///
    /// - Parameters:
    ///   - fields: The nonce, and this member's tokens.
    ///   - serve: Sets the channel up for requests, on its event loop: the first one may follow the answer at once.
    /// - Returns: the connection, or the problem that the external member answered.
    func openRelayed(
        _ fields: HTTPFields, to target: MemberTarget, _ meter: ByteMeter,
        serve: @escaping @Sendable (any Channel) throws -> UpgradedSession
    ) async throws(MemberUnreachable) -> Result<RelayedConnection, Problem> {
        let upgrader = NIOTypedWebSocketClientUpgrader<UpgradeOutcome<RelayedConnection>>(
            maxFrameSize: Self.frameByteCountMax
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(WebSocketBytes(.client, meter: meter))
                return .upgraded(RelayedConnection(channel: channel, session: try serve(channel)))
            }
        }
        return try await upgrade(
            Self.relayPath, fields.map { ($0.name.canonicalName, $0.value) }, to: target, by: upgrader)
    }
}
