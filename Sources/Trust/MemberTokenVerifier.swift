// Verifying member tokens: which member sent this request, and by which key it is known.
package import Replica

/// A member that proved a cluster key.
package struct VerifiedMember: Sendable, Equatable {
    /// The server id it goes by.
    package let serverID: ServerID
    /// The key that it proved.
    package let keyID: KeyID
    /// The scope of that key in this member's ring.
    package let scope: KeyScope

    /// For those who stand in for the verifier; a verified member otherwise comes from `verify`.
    package init(serverID: ServerID, keyID: KeyID, scope: KeyScope) {
        self.serverID = serverID
        self.keyID = keyID
        self.scope = scope
    }
}

/// Judges the tokens of requests and remembers which were accepted. A value: its owner keeps the one copy.
package struct MemberTokenVerifier: Sendable {
    /// What the tokens came with.
    package enum Use: Sendable, Equatable {
        /// A request of its own: times are judged and each token is accepted once.
        case request
        /// The opening of a link, which proves the keys over fresh nonces afterwards: times and ids do not decide, so
        /// that a wrong clock keeps no member out.
        case link
    }

    /// The most tokens in a request; more are refused before any MAC is computed.
    package static let tokenCountMax = KeyRing.keyCountMax
    /// The most accepted tokens remembered. At 60 s a token this is 8,700 requests a second without a pause.
    package static let tokenIDCountMax = 524_288
    /// How far a sender's clock may be ahead of ours.
    package static let clockAheadSecondsMax: Int64 = 60
    /// The longest life a token may give itself.
    package static let lifetimeSecondsMax: Int64 = 120
    /// The length of a token's id in base64url characters: at least 128 bits.
    private static let tokenIDLength = 22...64

    private let startedAtSeconds: Int64
    private var replays: ReplayCache

    /// - Parameters:
    ///   - startedAtSeconds: When this process started, in Unix seconds ROUNDED UP: what an earlier process accepted is
    ///     forgotten, so nothing issued before is taken.
    ///   - tokenIDCountMax: The most accepted tokens remembered; smaller in tests.
    package init(startedAtSeconds: Int64, tokenIDCountMax: Int = Self.tokenIDCountMax) {
        self.startedAtSeconds = startedAtSeconds
        replays = ReplayCache(idCountMax: tokenIDCountMax)
    }

    /// Which member sent the request. One valid token is enough; a full key counts for more than a gateway's key.
    ///
    /// With `.request`, all valid tokens count as used, and one used before refuses the whole request.
    ///
    /// - Parameters:
    ///   - tokens: As received, at most 8 of at most 1,024 bytes.
    ///   - binding: The request as this member sees it.
    ///   - nowSeconds: This member's clock, Unix seconds.
    /// - Throws: The gravest of the tokens' errors: a certificate mismatch, then a wrong time or a replay, then another
    ///   false claim, then a wrong MAC, then no common key, then a malformed token.
    package mutating func verify(
        _ tokens: [String], binding: RequestBinding, keyRing: KeyRing, nowSeconds: Int64, use: Use
    ) throws(TrustError) -> VerifiedMember {
        try Self.checkSizes(tokens)
        try binding.checkDigests()
        if use == .request {
            guard MemberToken.secondsRange.contains(nowSeconds) else { throw .timeOutOfRange }
            replays.forget(expiredAt: nowSeconds)
        }
        var valid: [ValidToken] = []
        var gravest = TrustError.noToken
        for token in tokens {
            do throws(TrustError) {
                let candidate = try Self.authenticate(token, binding: binding, keyRing: keyRing)
                if use == .request { try judgeTimes(candidate, nowSeconds: nowSeconds) }
                valid.append(candidate)
            } catch {
                if error.gravity > gravest.gravity { gravest = error }
            }
        }
        guard let best = valid.first(where: { $0.key.scope == .full }) ?? valid.first else { throw gravest }
        guard valid.allSatisfy({ $0.issuer == best.issuer }) else { throw .issuersDiffer }
        if use == .request { try acceptOnce(valid) }
        return VerifiedMember(serverID: best.issuer, keyID: best.key.id, scope: best.key.scope)
    }

    private static func checkSizes(_ tokens: [String]) throws(TrustError) {
        guard !tokens.isEmpty else { throw .noToken }
        guard tokens.count <= tokenCountMax else { throw .tooManyTokens(count: tokens.count) }
        for token in tokens where token.utf8.count > MemberToken.byteCountMax {
            throw .tokenTooLong(byteCount: token.utf8.count)
        }
    }

    /// Refuses the request if any of its tokens was accepted before, and else marks all of them as used.
    private mutating func acceptOnce(_ accepted: [ValidToken]) throws(TrustError) {
        var entries: [(id: ReplayCache.ID, expirySeconds: Int64)] = []
        for token in accepted {
            let id = ReplayCache.ID(issuer: token.issuer, tokenID: token.claims.jti)
            guard !replays.contains(id) else { throw .replayed(serverID: token.issuer) }
            entries.append((id: id, expirySeconds: token.claims.exp))
        }
        try replays.insert(entries)
    }
}

// What is asked of a single token.
extension MemberTokenVerifier {
    private struct ValidToken {
        let key: ClusterKey
        let issuer: ServerID
        let claims: MemberClaims
    }

    private static func authenticate(
        _ text: String, binding: RequestBinding, keyRing: KeyRing
    ) throws(TrustError) -> ValidToken {
        let token = try CompactToken(text)
        guard let key = keyRing[token.keyID] else { throw .noCommonKey(offered: token.keyID) }
        guard key.verifies(code: token.signature, .memberToken, over: token.signedBytes) else {
            throw .badSignature(token.keyID)
        }
        let claims = try token.claims(MemberClaims.self)
        guard let issuer = ServerID(claims.iss) else { throw .issuerRefused }
        guard isSame(claims.aud, MemberToken.audience) else { throw .wrongAudience(serverID: issuer) }
        guard isTokenID(claims.jti) else { throw .malformed(.claims) }
        try judgeBinding(claims, of: issuer, binding)
        return ValidToken(key: key, issuer: issuer, claims: claims)
    }

    private static func judgeBinding(
        _ claims: MemberClaims, of issuer: ServerID, _ binding: RequestBinding
    ) throws(TrustError) {
        // The certificate first: it is the mismatch that the administrator has to hear about.
        switch (claims.crt, binding.certificateSHA256) {
        case (nil, nil):
            break
        case (let claimed?, let served?) where isSame(claimed, ByteText.base64(served, .urlUnpadded)):
            break
        default:
            throw .certificateMismatch(serverID: issuer)
        }
        guard isSame(claims.htm, binding.method) else { throw .bindingMismatch(.method, serverID: issuer) }
        guard isSame(claims.pth, binding.path) else { throw .bindingMismatch(.path, serverID: issuer) }
        guard isSame(claims.bdy, ByteText.base64(binding.bodySHA256, .urlUnpadded)) else {
            throw .bindingMismatch(.body, serverID: issuer)
        }
    }

    private func judgeTimes(_ token: ValidToken, nowSeconds: Int64) throws(TrustError) {
        let (claims, issuer) = (token.claims, token.issuer)
        // The ranges keep the differences below from overflowing.
        guard MemberToken.secondsRange.contains(claims.iat), MemberToken.secondsRange.contains(claims.exp),
            claims.iat < claims.exp
        else { throw .malformed(.claims) }
        guard claims.exp > nowSeconds, claims.exp > replays.forgottenUntilSeconds else {
            throw .expired(serverID: issuer, agoSeconds: max(0, nowSeconds - claims.exp))
        }
        let aheadSeconds = claims.iat - nowSeconds
        guard aheadSeconds <= Self.clockAheadSecondsMax else {
            throw .issuedAhead(serverID: issuer, aheadSeconds: aheadSeconds)
        }
        let lifetimeSeconds = claims.exp - claims.iat
        guard lifetimeSeconds <= Self.lifetimeSecondsMax else {
            throw .lifetimeTooLong(serverID: issuer, lifetimeSeconds: lifetimeSeconds)
        }
        guard claims.iat >= startedAtSeconds else { throw .olderThanStart(serverID: issuer) }
    }

    private static func isTokenID(_ text: String) -> Bool {
        tokenIDLength.contains(text.utf8.count)
            && text.utf8.allSatisfy {
                switch $0 {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
                default: false
                }
            }
    }

    /// Byte by byte: `==` on strings follows Unicode, where different bytes may count as the same text.
    private static func isSame(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8)
    }
}
