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
    /// The connection's.
    package let eventLoop: any EventLoop
}

/// What happens on a connection after its upgrade.
package typealias UpgradedSession = @Sendable () async -> Void

/// Takes over connections at some paths.
package protocol UpgradeRoute: Sendable {
    /// Whether this route is meant by the target of a request.
    func isResponsible(for target: String) -> Bool

    /// Judges a request for an upgrade.
    ///
    /// - Throws: why there is none; the document is sent and the connection closed.
    func admit(
        _ request: HTTPRequestHead, _ connection: ConnectionInfo
    ) async throws(Problem) -> UpgradeAdmission
}

/// A request for an upgrade that is granted.
package struct UpgradeAdmission: Sendable {
    /// The WebSocket subprotocol of the answer, if any.
    let subprotocol: String?
    /// Sets up the upgraded channel; on its event loop.
    let start: @Sendable (any Channel) throws -> UpgradedSession

    package init(subprotocol: String?, start: @escaping @Sendable (any Channel) throws -> UpgradedSession) {
        self.subprotocol = subprotocol
        self.start = start
    }
}
