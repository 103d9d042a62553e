// The errors in plain English: what was wrong, with what, and what to do.

extension TrustError: CustomStringConvertible {
    /// A sentence for the administrator.
    package var description: String {
        switch self {
        case .libraryUnavailable, .guardedMemoryUnavailable, .secretTooShort, .secretTooLong, .secretSeveralLines,
            .secretOddHex, .secretNotText, .tooManyKeys, .duplicateKey:
            keyDescription
        case .tokenIDLength, .digestLength, .timeOutOfRange, .unencodable, .noToken, .tooManyTokens, .tokenTooLong,
            .malformed, .algorithmRefused, .headerRefused, .noCommonKey, .badSignature:
            formDescription
        case .issuerRefused, .issuersDiffer, .wrongAudience, .certificateMismatch, .bindingMismatch, .expired,
            .issuedAhead, .lifetimeTooLong, .olderThanStart, .replayed, .replayCacheFull:
            claimDescription
        }
    }

    private var keyDescription: String {
        switch self {
        case .libraryUnavailable:
            "libsodium could not start; check that the installed library is intact"
        case .guardedMemoryUnavailable(let byteCount):
            "no guarded memory for a secret of \(byteCount) bytes; check the memory limits of the service"
        case .secretTooShort(let byteCount):
            "the secret has \(byteCount) bytes but needs \(Secret.byteCountMin) or more; "
                + "make one with: openssl rand -hex 32"
        case .secretTooLong(let byteCount):
            "the secret has about \(byteCount) bytes but may have \(Secret.byteCountMax); check that the file is a key"
        case .secretSeveralLines:
            "the secret has more than one line; put each secret in one line of a file of its own"
        case .secretOddHex(let digitCount):
            "the secret has \(digitCount) hexadecimal digits, an odd number; check that it was copied whole"
        case .secretNotText:
            "the secret is neither hexadecimal nor base64; write it as one of them, without spaces"
        case .tooManyKeys(let count):
            "there are \(count) cluster keys but at most \(KeyRing.keyCountMax) are allowed; remove old ones"
        case .duplicateKey(let id):
            "cluster key \(id) is given more than once; remove the repetition, in whatever scope it stands"
        default:
            reason
        }
    }

    private var formDescription: String {
        switch self {
        case .tokenIDLength(let byteCount):
            "the token id has \(byteCount) bytes instead of \(MemberToken.tokenIDByteCount); report this as a bug"
        case .digestLength(let byteCount):
            "a digest has \(byteCount) bytes instead of \(Sodium.digestByteCount); report this as a bug"
        case .timeOutOfRange:
            "the clock of this host stands before 1970 or after 9999; set it"
        case .unencodable:
            "the request's method or path has no JSON form; report this as a bug"
        case .noToken:
            "the request carries no member token; the sender must have a cluster key"
        case .tooManyTokens(let count):
            "the request carries \(count) member tokens but at most \(MemberTokenVerifier.tokenCountMax) are allowed; "
                + "remove old cluster keys from the sender"
        case .tokenTooLong(let byteCount):
            "the member token has \(byteCount) bytes but at most \(MemberToken.byteCountMax) are allowed; "
                + "the request's path is too long"
        case .malformed(let part):
            "the member token is malformed: \(part.rawValue); check the sender's version"
        case .algorithmRefused:
            "the member token is not signed with HS256, the only algorithm accepted; check who sent it"
        case .headerRefused(let field):
            "the member token's header has \(field.map { "the field \($0)" } ?? "an unknown field"), "
                + "which is not accepted; check who sent it"
        case .noCommonKey(let offered):
            "the sender used cluster key \(offered), which this member does not have; "
                + "give both members one key in common"
        case .badSignature(let id):
            "the member token names cluster key \(id) but was not signed with it; "
                + "it was altered, or made for another purpose"
        default:
            reason
        }
    }

    private var claimDescription: String {
        switch self {
        case .issuerRefused:
            "the issuer is not a server id; use 1 to 64 characters of a-z, 0-9 and -"
        case .issuersDiffer:
            "the request's member tokens name different servers; check the sender"
        case .wrongAudience(let serverID):
            "the token of server \(serverID) is not for members; check the sender's version"
        case .certificateMismatch(let serverID):
            "certificate mismatch: server \(serverID) saw another certificate than this member serves; someone may "
                + "be in between. If it is a proxy that ends TLS, say so in the configuration of both sides"
        case .bindingMismatch(let part, let serverID):
            "the token of server \(serverID) was made for another \(part.rawValue); "
                + "something between the members may have changed the request"
        case .expired(let serverID, let agoSeconds):
            "the token of server \(serverID) expired \(agoSeconds) s ago; compare the clocks of both hosts"
        case .issuedAhead(let serverID, let aheadSeconds):
            "the token of server \(serverID) was issued \(aheadSeconds) s ahead of this host's clock; "
                + "compare the clocks of both hosts"
        case .lifetimeTooLong(let serverID, let lifetimeSeconds):
            "the token of server \(serverID) is valid for \(lifetimeSeconds) s but "
                + "\(MemberTokenVerifier.lifetimeSecondsMax) s is the most; check the sender's version"
        case .olderThanStart(let serverID):
            "the token of server \(serverID) was issued before this member started; send the request again"
        case .replayed(let serverID):
            "the token of server \(serverID) was used before; if the sender did not send it twice, someone else did"
        case .replayCacheFull(let countMax):
            "\(countMax) tokens were accepted and have not expired yet, and no more can be remembered; "
                + "send the request again in two minutes"
        default:
            reason
        }
    }
}
