// Everything that may be wrong with a secret, a key, a key ring or a token. No case holds anything secret.
package import Replica

/// Why a secret, a key ring or a token was refused. Server ids in it come from tokens whose MAC was right.
package enum TrustError: Error, Equatable, Sendable {
    // The library and the system.
    /// libsodium cannot be used at all.
    case libraryUnavailable
    /// The system gives out no more memory that is locked and guarded.
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
    /// The random id that a token is made with does not have 16 bytes.
    case tokenIDLength(byteCount: Int)
    /// A digest does not have the 32 bytes of SHA-256.
    case digestLength(byteCount: Int)
    /// A time outside the years 1970 to 9999, or a lifetime that is not allowed.
    case timeOutOfRange
    /// A text that JSON cannot hold.
    case unencodable

    // Refused before any MAC is computed.
    case noToken
    case tooManyTokens(count: Int)
    case tokenTooLong(byteCount: Int)
    case malformed(TokenPart)
    /// Any algorithm but HS256.
    case algorithmRefused
    /// `field` is nil for one that is merely unknown: its name is the sender's and is not repeated.
    case headerRefused(field: String?)
    /// The receiver does not have that key, or may not use it for this.
    case noCommonKey(offered: KeyID)
    /// The key is known, and its code is another one.
    case badSignature(KeyID)

    // Refused for what the token claims.
    /// The claimed issuer is no server id.
    case issuerRefused
    /// The tokens of one request name different members.
    case issuersDiffer
    /// It was made for something else than what it is shown for.
    case wrongAudience(serverID: ServerID)
    /// The issuer saw another certificate than the receiver serves.
    case certificateMismatch(serverID: ServerID)
    /// It was made for another request.
    case bindingMismatch(BoundPart, serverID: ServerID)
    /// Its time is over by the receiver's clock.
    case expired(serverID: ServerID, agoSeconds: Int64)
    /// It is from further in the future than clocks may differ.
    case issuedAhead(serverID: ServerID, aheadSeconds: Int64)
    /// It is valid for longer than any token may be.
    case lifetimeTooLong(serverID: ServerID, lifetimeSeconds: Int64)
    /// It may have been shown to the process that ran before, which remembers nothing.
    case olderThanStart(serverID: ServerID)
    /// It was shown before.
    case replayed(serverID: ServerID)
    /// So many tokens are remembered that another one could not be told from a repeated one.
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
