// Everything that may be wrong with a secret, a key, a key ring or a token. No case holds anything secret.
package import Replica

/// Why a secret, a key ring or a token was refused. Server ids in it come from tokens whose MAC was right.
package enum TrustError: Error, Equatable, Sendable {
    // The library and the system.
    case libraryUnavailable
    case guardedMemoryUnavailable(byteCount: Int)

    // Secrets and key rings.
    case secretTooShort(byteCount: Int)
    case secretTooLong(byteCount: Int)
    case secretSeveralLines
    case secretOddHex(digitCount: Int)
    case secretNotText
    case tooManyKeys(count: Int)
    case duplicateKey(KeyID)

    // What the caller handed in.
    case tokenIDLength(byteCount: Int)
    case digestLength(byteCount: Int)
    case timeOutOfRange
    case unencodable

    // Refused before any MAC is computed.
    case noToken
    case tooManyTokens(count: Int)
    case tokenTooLong(byteCount: Int)
    case malformed(TokenPart)
    case algorithmRefused
    /// `field` is nil for one that is merely unknown: its name is the sender's and is not repeated.
    case headerRefused(field: String?)
    case noCommonKey(offered: KeyID)
    case badSignature(KeyID)

    // Refused for what the token claims.
    case issuerRefused
    case issuersDiffer
    case wrongAudience(serverID: ServerID)
    case certificateMismatch(serverID: ServerID)
    case bindingMismatch(BoundPart, serverID: ServerID)
    case expired(serverID: ServerID, agoSeconds: Int64)
    case issuedAhead(serverID: ServerID, aheadSeconds: Int64)
    case lifetimeTooLong(serverID: ServerID, lifetimeSeconds: Int64)
    case olderThanStart(serverID: ServerID)
    case replayed(serverID: ServerID)
    case replayCacheFull(countMax: Int)

    /// Where a token is malformed.
    package enum TokenPart: String, Sendable {
        case parts = "it does not have three parts"
        case base64 = "a part is not unpadded base64url"
        case header = "its header is not an object with alg, typ and a usable kid"
        case signature = "its signature does not have 32 bytes"
        case claims = "a claim is missing, of the wrong type or out of range"
    }

    /// What of the request differs from the token.
    package enum BoundPart: String, Sendable {
        case method, path, body
    }
}

extension TrustError {
    /// The reason of `olderThanStart`. It passes by itself: the same request is taken a second later.
    package static let olderThanStartReason = "older-than-start"
    /// The word for tokens that are bound to another certificate than the one served.
    package static let certificateMismatchReason = "certificate-mismatch"

    /// A short name that never changes, fit for refusals on the wire.
    package var reason: String {
        switch self {
        case .libraryUnavailable: "library-unavailable"
        case .guardedMemoryUnavailable: "guarded-memory-unavailable"
        case .secretTooShort: "secret-too-short"
        case .secretTooLong: "secret-too-long"
        case .secretSeveralLines: "secret-several-lines"
        case .secretOddHex: "secret-odd-hex"
        case .secretNotText: "secret-not-text"
        case .tooManyKeys: "too-many-keys"
        case .duplicateKey: "duplicate-key"
        case .tokenIDLength: "token-id-length"
        case .digestLength: "digest-length"
        case .timeOutOfRange: "time-out-of-range"
        case .unencodable: "unencodable"
        case .noToken: "no-token"
        case .tooManyTokens: "too-many-tokens"
        case .tokenTooLong: "token-too-long"
        case .malformed: "malformed"
        case .algorithmRefused: "algorithm-refused"
        case .headerRefused: "header-refused"
        case .noCommonKey: "no-common-key"
        case .badSignature: "bad-signature"
        case .issuerRefused: "issuer-refused"
        case .issuersDiffer: "issuers-differ"
        case .wrongAudience: "wrong-audience"
        case .certificateMismatch: Self.certificateMismatchReason
        case .bindingMismatch: "binding-mismatch"
        case .expired: "expired"
        case .issuedAhead: "issued-ahead"
        case .lifetimeTooLong: "lifetime-too-long"
        case .olderThanStart: Self.olderThanStartReason
        case .replayed: "replayed"
        case .replayCacheFull: "replay-cache-full"
        }
    }

    /// Which of several tokens' errors is reported: the greatest, which says most about the sender's mistake.
    var gravity: Int {
        switch self {
        case .certificateMismatch: 6
        case .expired, .issuedAhead, .lifetimeTooLong, .olderThanStart, .replayed: 5
        case .bindingMismatch, .wrongAudience, .issuerRefused, .issuersDiffer: 4
        case .badSignature: 3
        case .noCommonKey: 2
        case .malformed, .algorithmRefused, .headerRefused: 1
        case .libraryUnavailable, .guardedMemoryUnavailable, .secretTooShort, .secretTooLong, .secretSeveralLines,
            .secretOddHex, .secretNotText, .tooManyKeys, .duplicateKey, .tokenIDLength, .digestLength,
            .timeOutOfRange, .unencodable, .noToken, .tooManyTokens, .tokenTooLong, .replayCacheFull:
            0
        }
    }
}
