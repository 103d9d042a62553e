// User tokens: whom they name, who can make them, and what is refused.
import TestSupport
import Testing
import Trust

@Suite("User tokens")
struct UserTokenTests {
    private func issue(_ key: ClusterKey, lifetimeSeconds: Int64 = 3_600) throws -> String {
        try UserToken.issue(
            key: key, issuer: "host-1", user: "ann", loginID: "l1", nowSeconds: testNow,
            lifetimeSeconds: lifetimeSeconds, tokenID: makeTokenID())
    }

    private func refusal(_ token: String, _ keys: [ClusterKey], at now: Int64 = testNow) -> TrustError? {
        do throws(TrustError) {
            _ = try UserToken.verify(token, keyRing: try KeyRing(keys), nowSeconds: now)
            return nil
        } catch {
            return error
        }
    }

    private func claims(_ changes: [String: String]) -> String {
        var claims = [
            "iss": #""host-1""#, "aud": #""fastx-user""#, "sub": #""ann""#, "lid": #""l1""#, "iat": "\(testNow)",
            "exp": "\(testNow + 60)", "jti": #""abc""#,
        ]
        for (name, value) in changes { claims[name] = value }
        return "{" + claims.map { "\"\($0.key)\":\($0.value)" }.sorted().joined(separator: ",") + "}"
    }

    @Test("Every holder of the key learns who it is, until the token's time is over")
    func good() throws {
        let key = try makeKey()
        let token = try issue(key)
        let user = try UserToken.verify(token, keyRing: try KeyRing([makeKey(9), key]), nowSeconds: testNow + 3_599)
        #expect(user.user == "ann" && user.issuer == "host-1" && user.loginID == "l1" && user.keyID == key.id)
        #expect(refusal(token, [key], at: testNow + 3_600) == .expired(serverID: "host-1", agoSeconds: 0))
        #expect(refusal(token, [key], at: testNow - 61) == .issuedAhead(serverID: "host-1", aheadSeconds: 61))
    }

    @Test("A gateway's key neither makes a user token nor vouches for one")
    func gateways() throws {
        let gateway = try makeKey(scope: .gateway)
        #expect(throws: TrustError.noCommonKey(offered: gateway.id)) { try issue(gateway) }
        #expect(refusal(try issue(makeKey()), [gateway]) == .noCommonKey(offered: gateway.id))
    }

    @Test("A member's token is no user's, a user's no member's, whatever it claims")
    func purposes() throws {
        let key = try makeKey()
        let member = makeToken(header: makeHeader(key), claims: claims([:]), key: key, purpose: .memberToken)
        #expect(refusal(member, [key]) == .badSignature(key.id))
        var receiver = try Receiver(key)
        #expect(receiver.refusal(try issue(key), use: .link) == .badSignature(key.id))
    }

    @Test(
        "What is claimed wrongly is refused",
        arguments: [
            (["aud": #""fastx-member""#], TrustError.wrongAudience(serverID: "host-1")),
            (["iss": #""Host""#], .issuerRefused), (["sub": #""""#], .malformed(.claims)),
            (["lid": "1"], .malformed(.claims)), (["exp": "\(testNow - 1)"], .malformed(.claims)),
            (["exp": "253402300800"], .malformed(.claims)),
            (
                ["exp": "\(testNow + 400 * 86_400)"],
                .lifetimeTooLong(serverID: "host-1", lifetimeSeconds: 400 * 86_400)
            ),
        ])
    func wrong(changes: [String: String], expected: TrustError) throws {
        let key = try makeKey()
        let token = makeToken(header: makeHeader(key), claims: claims(changes), key: key, purpose: .userToken)
        #expect(refusal(token, [key]) == expected)
    }

    @Test("A changed byte anywhere is refused")
    func changed() throws {
        let key = try makeKey()
        let token = Array(try issue(key).utf8)
        for place in token.indices {
            var other = token
            other[place] = other[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(refusal(String(decoding: other, as: UTF8.self), [key]) != nil, "byte \(place)")
        }
    }
}
