// Judges the tokens of members' requests, with the cluster keys as they are now.
package import OperatingSystem
package import Replica
import Synchronization
import Transport
package import Trust

/// The one place that knows this member's keys at any moment.
package final class MemberAuthenticator: Sendable {
    /// The issuer of this member's tokens.
    package let serverID: ServerID
    private let state: Mutex<State>

    private struct State {
        var keyRing: KeyRing
        var verifier: MemberTokenVerifier
        var proxies: [AddressRange]
    }

    /// Refuses requests whose tokens are older than this moment.
    ///
    /// - Parameter proxies: The addresses of those that end TLS before this member.
    package init(serverID: ServerID, keyRing: KeyRing, proxies: [AddressRange]) {
        self.serverID = serverID
        // Rounded up: a token from before this start is refused even if it is from the same second.
        let verifier = MemberTokenVerifier(startedAtSeconds: WallClock.seconds() + 1)
        state = Mutex(State(keyRing: keyRing, verifier: verifier, proxies: proxies))
    }

    /// The cluster keys as they are now. May be read on any thread.
    package var keyRing: KeyRing { state.withLock { $0.keyRing } }

    /// Takes other keys and proxies for all that is judged from now on.
    package func update(keyRing: KeyRing, proxies: [AddressRange]) {
        state.withLock {
            $0.keyRing = keyRing
            $0.proxies = proxies
        }
    }

    /// Tokens for a request to another member, one for each key.
    package func tokens(for binding: RequestBinding) throws -> [String] {
        try MemberToken.issue(
            keyRing: keyRing, issuer: serverID, binding: binding, nowSeconds: WallClock.seconds(),
            tokenID: RandomBytes.make(MemberToken.tokenIDByteCount))
    }

    /// The certificate that tokens over a connection have to be bound to: the one served, or none where the connection
    /// comes from a proxy that ends TLS before this member.
    package func binding(served certificateHash: [UInt8]?, peerAddress: String) -> [UInt8]? {
        state.withLock { $0.proxies.contains { $0.contains(peerAddress) } } ? nil : certificateHash
    }

    /// The member that asks for a link. Times and token ids do not decide here: the link itself proves the keys.
    package func verifyLink(
        authorization: String?, path: String, certificateHash: [UInt8]?
    ) throws(TrustError) -> VerifiedMember {
        let binding = RequestBinding(method: "GET", path: path, certificateSHA256: certificateHash)
        return try state.withLock { (state) throws(TrustError) in
            try state.verifier.verify(
                Self.tokens(in: authorization), binding: binding, keyRing: state.keyRing,
                nowSeconds: WallClock.seconds(), use: .link)
        }
    }

    /// The member that carries a user's request. Each token is good once.
    package func verifyRequest(
        _ tokens: String, method: String, path: String, body: [UInt8], certificateHash: [UInt8]?
    ) throws(TrustError) -> VerifiedMember {
        let binding = RequestBinding(method: method, path: path, body: body, certificateSHA256: certificateHash)
        let tokens = Self.list(tokens)
        return try state.withLock { (state) throws(TrustError) in
            try state.verifier.verify(
                tokens, binding: binding, keyRing: state.keyRing, nowSeconds: WallClock.seconds(), use: .request)
        }
    }

    private static func tokens(in authorization: String?) -> [String] {
        guard let authorization, authorization.hasPrefix("Bearer ") else { return [] }
        return list(authorization.dropFirst("Bearer ".count))
    }

    /// By bytes: to look for characters took a twentieth of what a member does for a carried request.
    private static func list(_ tokens: some StringProtocol) -> [String] {
        tokens.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }
}
