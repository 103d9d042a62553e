// Keys, requests and hand-made tokens for the tests of Trust.
import Foundation
import TestSupport
import Trust

/// Unix seconds at which the tests take place.
let testNow: Int64 = 1_700_000_000

/// The key of the secret `seed`, `seed + 1`, … of 32 bytes.
func makeKey(_ seed: UInt8 = 0, scope: KeyScope = .full) throws -> ClusterKey {
    try ClusterKey(secret: Secret((0..<32).map { seed &+ UInt8($0) }), scope: scope)
}

func makeTokenID(_ number: UInt32 = 0) -> [UInt8] {
    [UInt8](repeating: 9, count: 12) + (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
}

let testBinding = RequestBinding(
    method: "PUT", path: "/api/x?y=1", body: Array("hello".utf8), certificateSHA256: [UInt8](repeating: 7, count: 32))

func base64URL(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
        .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String(format: "%02x", $0) }.joined()
}

/// The bytes of a secret, to compare with expected ones.
func plain(_ secret: Secret) -> [UInt8] {
    unsafe secret.withBytes { unsafe [UInt8]($0) }
}

/// A token put together by hand, with whatever header and claims, under a right MAC.
func makeToken(header: String, claims: String, key: ClusterKey, purpose: KeyPurpose = .memberToken) -> String {
    let signed = base64URL(header.utf8) + "." + base64URL(claims.utf8)
    return signed + "." + base64URL(key.code(purpose, over: Array(signed.utf8)))
}

func makeHeader(_ key: ClusterKey, alg: String = "HS256", more: String = "") -> String {
    #"{"alg":"\#(alg)","kid":"\#(key.id)","typ":"JWT"\#(more)}"#
}

/// The claims of a good token as JSON, with some replaced by other JSON values or left out (nil).
func makeClaims(_ changes: [String: String?] = [:]) -> String {
    var claims: [String: String] = [
        "iss": #""host-1""#, "aud": #""fastx-member""#, "iat": "\(testNow)", "exp": "\(testNow + 60)",
        "jti": "\"\(base64URL(makeTokenID()))\"", "htm": #""PUT""#, "pth": #""/api/x?y=1""#,
        "bdy": "\"\(base64URL(testBinding.bodySHA256))\"",
        "crt": "\"\(base64URL([UInt8](repeating: 7, count: 32)))\"",
    ]
    for (name, value) in changes { claims[name] = value }
    return "{" + claims.map { "\"\($0.key)\":\($0.value)" }.sorted().joined(separator: ",") + "}"
}

/// A receiver that started at `testNow`.
struct Receiver {
    var verifier = MemberTokenVerifier(startedAtSeconds: testNow)
    var ring: KeyRing

    init(_ keys: ClusterKey...) throws {
        ring = try KeyRing(keys)
    }

    mutating func accept(
        _ tokens: [String], binding: RequestBinding = testBinding, now: Int64 = testNow,
        use: MemberTokenVerifier.Use = .request
    ) throws(TrustError) -> VerifiedMember {
        try verifier.verify(tokens, binding: binding, keyRing: ring, nowSeconds: now, use: use)
    }

    /// The error with which the tokens are refused; nil if they are accepted.
    mutating func refusal(
        _ tokens: String..., binding: RequestBinding = testBinding, now: Int64 = testNow,
        use: MemberTokenVerifier.Use = .request
    ) -> TrustError? {
        do throws(TrustError) {
            _ = try accept(tokens, binding: binding, now: now, use: use)
            return nil
        } catch {
            return error
        }
    }
}
