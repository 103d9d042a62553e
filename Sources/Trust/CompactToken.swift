// The compact form of tokens: three base64url parts, a strict header, and the claims as JSON.
internal import FoundationEssentials

/// The claims of a member token by their short names on the wire. Times are Unix seconds.
struct MemberClaims: Codable, Equatable {
    /// The issuer: a server id.
    var iss: String
    /// The audience: always `fastx-member`.
    var aud: String
    var iat: Int64
    var exp: Int64
    /// The token's id.
    var jti: String
    /// The request's method.
    var htm: String
    /// The request's path.
    var pth: String
    /// base64url of the body's SHA-256.
    var bdy: String
    /// base64url of the certificate's SHA-256; absent on an unbound link.
    var crt: String?
}

/// The claims of a user token.
struct UserClaims: Codable, Equatable {
    /// The server id of the member that the user logged in at.
    var iss: String
    /// Always `fastx-user`.
    var aud: String
    /// The user's name.
    var sub: String
    /// The login's id.
    var lid: String
    var iat: Int64
    var exp: Int64
    /// Random, so that no two tokens are equal.
    var jti: String
}

/// A token taken apart, its claims not yet decoded: they are looked at only after the MAC is found right.
struct CompactToken {
    /// The header is small and fixed; anything else in it is refused rather than ignored.
    private static let headerFields: Set<String> = ["alg", "typ", "kid"]
    /// Fields with a name of their own in the refusal, because they are attempts to choose the key or the rules.
    private static let hostileFields = ["crit", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "b64", "zip"]

    /// The key that the sender says it used.
    let keyID: KeyID
    /// The first two parts with the dot between them: what the MAC covers.
    let signedBytes: [UInt8]
    /// The MAC, 32 bytes.
    let signature: [UInt8]
    private let claimsJSON: [UInt8]

    /// Takes a token apart and judges its header.
    ///
    /// - Throws: `TrustError.malformed`, `.algorithmRefused` or `.headerRefused`.
    init(_ text: String) throws(TrustError) {
        let parts = Array(text.utf8).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformed(.parts) }
        guard let header = ByteText.bytes(base64: Array(parts[0]), .urlUnpadded),
            let claims = ByteText.bytes(base64: Array(parts[1]), .urlUnpadded),
            let signature = ByteText.bytes(base64: Array(parts[2]), .urlUnpadded)
        else { throw .malformed(.base64) }
        keyID = try Self.judgeHeader(header)
        guard signature.count == Sodium.digestByteCount else { throw .malformed(.signature) }
        self.signature = signature
        claimsJSON = claims
        signedBytes = parts[0] + [UInt8(ascii: ".")] + parts[1]
    }

    /// The claims. To be called once the MAC is known to be right.
    ///
    /// - Throws: `TrustError.malformed`: a claim is missing or of the wrong type.
    func claims<Claims: Decodable>(_ type: Claims.Type) throws(TrustError) -> Claims {
        guard let claims = Self.decode(type, claimsJSON) else { throw .malformed(.claims) }
        return claims
    }

    /// Signs the claims with the key that is derived for a purpose.
    ///
    /// - Throws: `TrustError.unencodable`: a text in the claims has no JSON form.
    static func serialise(
        _ claims: some Encodable, key: ClusterKey, _ purpose: KeyPurpose
    ) throws(TrustError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json: [UInt8]
        do {
            json = Array(try encoder.encode(claims))
        } catch {
            throw .unencodable
        }
        // The key id is hexadecimal digits, so the header needs no escaping.
        let header = usualStart + Array(key.id.description.utf8) + usualEnd
        let signed = ByteText.base64(header, .urlUnpadded) + "." + ByteText.base64(json, .urlUnpadded)
        let code = key.code(purpose, over: Array(signed.utf8))
        return signed + "." + ByteText.base64(code, .urlUnpadded)
    }

    /// The header as it is written here; others may write it differently.
    private static let usualStart = Array(#"{"alg":"HS256","kid":""#.utf8)
    private static let usualEnd = Array(#"","typ":"JWT"}"#.utf8)

    private static func judgeHeader(_ json: [UInt8]) throws(TrustError) -> KeyID {
        if json.starts(with: usualStart), json.suffix(usualEnd.count) == usualEnd[...],
            let keyID = KeyID(
                hex: String(decoding: json.dropFirst(usualStart.count).dropLast(usualEnd.count), as: UTF8.self))
        {
            return keyID
        }
        guard let header = decode([String: HeaderField].self, json) else { throw .malformed(.header) }
        if let field = hostileFields.first(where: { header[$0] != nil }) { throw .headerRefused(field: field) }
        guard header["alg"] == .text("HS256") else { throw .algorithmRefused }
        guard headerFields.isSuperset(of: header.keys) else { throw .headerRefused(field: nil) }
        guard header["typ"] == .text("JWT"), case .text(let hex) = header["kid"], let keyID = KeyID(hex: hex) else {
            throw .malformed(.header)
        }
        return keyID
    }

    /// Decodes one JSON object in UTF-8. The decoder would also guess at UTF-16 and UTF-32, which the first and the
    /// last byte and the absence of zero bytes rule out.
    private static func decode<Value: Decodable>(_ type: Value.Type, _ json: [UInt8]) -> Value? {
        guard json.first == UInt8(ascii: "{"), json.last == UInt8(ascii: "}"), !json.contains(0) else { return nil }
        return try? JSONDecoder().decode(type, from: Data(json))
    }
}

/// A header field's value. Only text is of any use; everything else is noticed and never converted, because a number
/// of any size may stand here and nobody has vouched for it yet.
private enum HeaderField: Decodable, Equatable {
    case text(String)
    case other

    init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            // Plain bytes only: equality of texts would otherwise follow Unicode rather than the bytes.
            self = text.utf8.allSatisfy { $0 < 0x80 } ? .text(text) : .other
        } else {
            self = .other
        }
    }
}
