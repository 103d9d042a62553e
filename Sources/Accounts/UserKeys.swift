// The keys that sign and verify user tokens: the cluster's, and one of this member's own where it has none.
package import Cluster
import OperatingSystem
package import Replica
package import Store
import Trust

/// Signs the tokens of this member's logins, and verifies those of others.
package struct UserKeys: Sendable {
    /// The issuer of the tokens.
    let serverID: ServerID
    private let authenticator: MemberAuthenticator
    /// For a member without a cluster key of full members: its tokens are good here alone.
    private let own: ClusterKey

    private static let localKey = Array("user-key".utf8)

    /// Makes the member's own key at the first start.
    package init(serverID: ServerID, authenticator: MemberAuthenticator, store: Store) async throws {
        self.serverID = serverID
        self.authenticator = authenticator
        let secret: [UInt8]
        if let kept = try store.getLocal(Self.localKey) {
            secret = kept
        } else {
            secret = RandomBytes.make(32)
            try await store.putLocal(Self.localKey, secret)
        }
        own = try ClusterKey(secret: Secret(secret), scope: .full)
    }

    /// Whether this member can vouch for users of the whole cluster.
    var isFull: Bool { authenticator.keyRing.hasFullKey }

    /// A token of a login.
    func issue(user: String, loginID: String, lifetimeSeconds: Int64) throws(TrustError) -> LoginToken {
        let key = authenticator.keyRing.keys.first { $0.scope == .full } ?? own
        let text = try UserToken.issue(
            key: key, issuer: serverID, user: user, loginID: loginID, nowSeconds: WallClock.seconds(),
            lifetimeSeconds: lifetimeSeconds, tokenID: RandomBytes.make(UserToken.tokenIDByteCount))
        guard let token = LoginToken(text) else { throw .tokenTooLong(byteCount: text.utf8.count) }
        return token
    }

    /// Whose token it is, if a key of the cluster signed it; nil otherwise. Whether the login still lasts is another question.
    func verify(_ token: LoginToken) -> VerifiedUser? {
        do throws(TrustError) {
            return try UserToken.verify(
                token.text, keyRing: authenticator.keyRing, nowSeconds: WallClock.seconds())
        } catch {
            // A token that is not good is no token.
            return nil
        }
    }
}
