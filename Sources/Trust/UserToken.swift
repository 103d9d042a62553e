// User tokens: what a browser shows to any member of the cluster, issued by the member that its user logged in at.
package import Replica

/// A user whose token was signed by a full member. Whether his login still lasts is for the caller to find out.
package struct VerifiedUser: Sendable, Equatable {
    /// The member that issued the token.
    package let issuer: ServerID
    /// The account's name at the issuer, 1 to 256 bytes.
    package let user: String
    /// Names the login among those of the issuer, 1 to 256 bytes.
    package let loginID: String
    /// When the token was issued, Unix seconds by the issuer's clock.
    package let issuedAtSeconds: Int64
    /// The key that signed it.
    package let keyID: KeyID
}

/// A JSON Web Token (HS256) that stands for one login. It is a secret: whoever has it is that user.
///
/// It is signed with a derived key of its own, so that it never passes for a member's token, and only by keys of full
/// members: a gateway carries a user's token and can make none.
package enum UserToken {
    /// The longest token accepted or issued, in bytes.
    package static let byteCountMax = 1_024
    /// The longest time a token may be good, in seconds: a year.
    package static let lifetimeSecondsMax: Int64 = 366 * 86_400
    /// How many random bytes `issue` is handed, so that no two tokens are alike.
    package static let tokenIDByteCount = 16
    /// How far the issuer's clock may be ahead.
    static let clockAheadSecondsMax: Int64 = 60
    private static let audience = "fastx-user"
    private static let nameByteCountMax = 256

    /// - Parameters:
    ///   - key: One of a full member.
    ///   - issuer: This member.
    ///   - tokenID: 16 random bytes.
    /// - Throws: `TrustError.tokenIDLength`, `.timeOutOfRange`, `.unencodable`, `.tokenTooLong`, or
    ///   `.noCommonKey` for a gateway's key.
    package static func issue(
        key: ClusterKey, issuer: ServerID, user: String, loginID: String, nowSeconds: Int64, lifetimeSeconds: Int64,
        tokenID: [UInt8]
    ) throws(TrustError) -> String {
        guard key.scope == .full else { throw .noCommonKey(offered: key.id) }
        guard tokenID.count == tokenIDByteCount else { throw .tokenIDLength(byteCount: tokenID.count) }
        guard MemberToken.secondsRange.contains(nowSeconds), (1...lifetimeSecondsMax).contains(lifetimeSeconds) else {
            throw .timeOutOfRange
        }
        let claims = UserClaims(
            iss: issuer.text, aud: audience, sub: user, lid: loginID, iat: nowSeconds,
            exp: nowSeconds + lifetimeSeconds,
            jti: ByteText.base64(tokenID, .urlUnpadded))
        let token = try CompactToken.serialise(claims, key: key, .userToken)
        guard token.utf8.count <= byteCountMax else { throw .tokenTooLong(byteCount: token.utf8.count) }
        return token
    }

    /// Whose token it is.
    ///
    /// - Parameter nowSeconds: This member's clock, Unix seconds.
    /// - Throws: Why it is refused; the texts in it are looked at only after the MAC was found right.
    package static func verify(
        _ text: String, keyRing: KeyRing, nowSeconds: Int64
    ) throws(TrustError) -> VerifiedUser {
        guard text.utf8.count <= byteCountMax else { throw .tokenTooLong(byteCount: text.utf8.count) }
        let token = try CompactToken(text)
        guard let key = keyRing[token.keyID], key.scope == .full else { throw .noCommonKey(offered: token.keyID) }
        guard key.verifies(code: token.signature, .userToken, over: token.signedBytes) else {
            throw .badSignature(token.keyID)
        }
        let claims = try token.claims(UserClaims.self)
        guard let issuer = ServerID(claims.iss) else { throw .issuerRefused }
        guard claims.aud.utf8.elementsEqual(audience.utf8) else { throw .wrongAudience(serverID: issuer) }
        guard (1...nameByteCountMax).contains(claims.sub.utf8.count),
            (1...nameByteCountMax).contains(claims.lid.utf8.count)
        else { throw .malformed(.claims) }
        try judgeTimes(claims, of: issuer, nowSeconds: nowSeconds)
        return VerifiedUser(
            issuer: issuer, user: claims.sub, loginID: claims.lid, issuedAtSeconds: claims.iat, keyID: key.id)
    }

    /// The server id that a token says it is from, which nobody has vouched for; nil where there is none.
    package static func claimedIssuer(_ text: String) -> ServerID? {
        guard text.utf8.count <= byteCountMax, let token = try? CompactToken(text),
            let claims = try? token.claims(UserClaims.self)
        else { return nil }
        return ServerID(claims.iss)
    }

    private static func judgeTimes(
        _ claims: UserClaims, of issuer: ServerID, nowSeconds: Int64
    ) throws(TrustError) {
        // The ranges keep the differences below from overflowing.
        guard MemberToken.secondsRange.contains(claims.iat), MemberToken.secondsRange.contains(claims.exp),
            claims.iat < claims.exp
        else { throw .malformed(.claims) }
        guard claims.exp > nowSeconds else {
            throw .expired(serverID: issuer, agoSeconds: nowSeconds - claims.exp)
        }
        let aheadSeconds = claims.iat - nowSeconds
        guard aheadSeconds <= clockAheadSecondsMax else {
            throw .issuedAhead(serverID: issuer, aheadSeconds: aheadSeconds)
        }
        let lifetimeSeconds = claims.exp - claims.iat
        guard lifetimeSeconds <= lifetimeSecondsMax else {
            throw .lifetimeTooLong(serverID: issuer, lifetimeSeconds: lifetimeSeconds)
        }
    }
}
