// Where the listener turns a connection into a WebSocket.
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
    /// Its handlers belong to the listener until the upgrade.
    package let channel: any Channel

    package init(peer: String, peerAddress: String, certificateHash: [UInt8]?, channel: any Channel) {
        self.peer = peer
        self.peerAddress = peerAddress
        self.certificateHash = certificateHash
        self.channel = channel
    }
}

/// What happens on a connection after its upgrade.
package typealias UpgradedSession = @Sendable () async -> Void

/// Says at which paths connections become WebSockets, and whose.
package protocol UpgradeJudge: Sendable {
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

    /// - Parameters:
    ///   - subprotocol: The WebSocket subprotocol of the answer; nil for none.
    ///   - start: Sets up the upgraded channel, on its event loop.
    package init(subprotocol: String?, start: @escaping @Sendable (any Channel) throws -> UpgradedSession) {
        self.subprotocol = subprotocol
        self.start = start
    }
}
