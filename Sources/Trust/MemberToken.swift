// Issuing member tokens: what a member sends with each request to another one.
package import Replica

/// A JSON Web Token (HS256) by which a member shows that it holds a cluster key, good for one request.
package enum MemberToken {
    /// How long a token is good, in seconds.
    package static let lifetimeSeconds: Int64 = 60
    /// The longest token accepted or issued, in bytes.
    package static let byteCountMax = 1_024
    /// The random bytes that name a token.
    package static let tokenIDByteCount = 16
    /// The audience of every member token.
    static let audience = "fastx-member"
    /// Times outside are refused, so that no sum of times overflows: 1970 up to the end of the year 9999.
    static let secondsRange: ClosedRange<Int64> = 0...253_402_300_799

    /// A token under one key.
    ///
    /// - Parameters:
    ///   - issuer: The sender.
    ///   - nowSeconds: The sender's clock, Unix seconds.
    ///   - tokenID: 16 random bytes, never used before except for the other tokens of the same request.
    /// - Throws: `TrustError.tokenIDLength`, `.digestLength`, `.timeOutOfRange`, `.unencodable`, or
    ///   `.tokenTooLong` when the path leaves no room.
    package static func issue(
        key: ClusterKey, issuer: ServerID, binding: RequestBinding, nowSeconds: Int64, tokenID: [UInt8]
    ) throws(TrustError) -> String {
        guard tokenID.count == tokenIDByteCount else { throw .tokenIDLength(byteCount: tokenID.count) }
        guard secondsRange.contains(nowSeconds) else { throw .timeOutOfRange }
        try binding.checkDigests()
        let claims = MemberClaims(
            iss: issuer.text, aud: audience, iat: nowSeconds, exp: nowSeconds + lifetimeSeconds,
            jti: ByteText.base64(tokenID, .urlUnpadded), htm: binding.method, pth: binding.path,
            bdy: ByteText.base64(binding.bodySHA256, .urlUnpadded),
            crt: binding.certificateSHA256.map { ByteText.base64($0, .urlUnpadded) })
        let token = try CompactToken.serialise(claims, key: key, .memberToken)
        guard token.utf8.count <= byteCountMax else { throw .tokenTooLong(byteCount: token.utf8.count) }
        return token
    }

    /// One token for each key of the ring, in its order: what a request carries.
    ///
    /// All have the same id. A replay is thus recognised even if the receiver knew only some of the keys at first.
    ///
    /// - Throws: As `issue(key:…)`.
    package static func issue(
        keyRing: KeyRing, issuer: ServerID, binding: RequestBinding, nowSeconds: Int64, tokenID: [UInt8]
    ) throws(TrustError) -> [String] {
        var tokens: [String] = []
        for key in keyRing.keys {
            tokens.append(
                try issue(key: key, issuer: issuer, binding: binding, nowSeconds: nowSeconds, tokenID: tokenID))
        }
        return tokens
    }
}
