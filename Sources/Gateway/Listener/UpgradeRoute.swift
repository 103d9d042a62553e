// A path at which the listener turns a connection into a WebSocket.
package import NIOCore
package import NIOHTTP1

/// What the listener knows of a connection.
package struct ConnectionInfo: Sendable {
    /// The peer's address and port.
    package let peer: String
    /// The peer's address alone.
    package let peerAddress: String
    /// SHA-256 of the certificate served on this connection; nil without TLS.
    package let certificateHash: [UInt8]?
}

/// What happens on a connection after its upgrade.
package typealias UpgradedSession = @Sendable () async -> Void

/// Takes over connections at one path.
package protocol UpgradeRoute: Sendable {
    var path: String { get }
    /// The WebSocket subprotocol offered, and the longest frame taken.
    var subprotocol: String { get }
    var frameByteCountMax: Int { get }

    /// Why not to upgrade, or nil to upgrade.
    func refusal(of request: HTTPRequestHead, _ connection: ConnectionInfo) -> Problem?

    /// Sets up the upgraded channel; on its event loop.
    func start(_ channel: any Channel, _ connection: ConnectionInfo) throws -> UpgradedSession
}
