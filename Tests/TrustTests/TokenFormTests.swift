// Tokens refused for their form, their header, their MAC or their number.
import TestSupport
import Testing
import Trust

@Suite("Refused forms")
struct TokenFormTests {
    private func token(header: String, key: ClusterKey) -> String {
        makeToken(header: header, claims: makeClaims(), key: key)
    }

    @Test("A hand-made token in good order is accepted, so the refusals below have one cause each")
    func control() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        #expect(receiver.refusal(token(header: makeHeader(key), key: key)) == nil)
    }

    @Test(
        "Every algorithm but exactly HS256 is refused, even under a right MAC",
        arguments: [
            "none", "None", "NONE", "", "hs256", "HS256 ", "HS384", "HS512", "RS256", "RS512", "ES256", "PS256",
            "EdDSA",
        ])
    func algorithms(name: String) throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        #expect(receiver.refusal(token(header: makeHeader(key, alg: name), key: key)) == .algorithmRefused)
    }

    @Test(
        "A missing algorithm, or one that is not text, is refused",
        arguments: ["", #""alg":null,"#, #""alg":["HS256"],"#])
    func algorithmNotText(field: String) throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let header = #"{\#(field)"kid":"\#(key.id)","typ":"JWT"}"#
        #expect(receiver.refusal(token(header: header, key: key)) == .algorithmRefused)
    }

    @Test("An unsigned token is refused")
    func unsigned() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let claims = base64URL(makeClaims().utf8)
        let plain = base64URL(makeHeader(key, alg: "none").utf8) + "." + claims + "."
        #expect(receiver.refusal(plain) == .algorithmRefused)
        #expect(receiver.refusal(base64URL(makeHeader(key).utf8) + "." + claims + ".") == .malformed(.signature))
    }

    @Test(
        "A header that names other keys or other rules is refused, whatever the value",
        arguments: ["crit", "jku", "jwk", "x5u", "x5c"],
        [#"["exp"]"#, #""https://evil.example""#, #"{"kty":"oct"}"#, "null"])
    func hostileHeaders(name: String, value: String) throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let header = makeHeader(key, more: #","\#(name)":\#(value)"#)
        #expect(receiver.refusal(token(header: header, key: key)) == .headerRefused(field: name))
    }

    @Test("Any other header field is refused without repeating its name")
    func unknownHeader() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let refusal = receiver.refusal(token(header: makeHeader(key, more: #","<b>":1"#), key: key))
        #expect(refusal == .headerRefused(field: nil))
        #expect(refusal?.description.contains("<b>") == false)
    }

    @Test(
        "Numbers of any size and nested or repeated fields in a header are refused without a crash",
        arguments: [
            #""x":1e300"#, #""x":-1e999"#, #""x":99999999999999999999999999"#, #""x":0.5"#, #""alg":"none""#,
            #""x":"# + String(repeating: "[", count: 250) + String(repeating: "]", count: 250),
            #""x":"# + String(repeating: "[", count: 600),
        ])
    func oddHeaderValues(field: String) throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        // Whoever sends such a header need not know a key.
        let hostile = try makeToken(header: makeHeader(key, more: "," + field), claims: "{}", key: makeKey(77))
        let reason = receiver.refusal(hostile)?.reason ?? "accepted"
        #expect(["header-refused", "malformed", "algorithm-refused", "bad-signature"].contains(reason))
    }

    @Test("A header without a usable key id or type is malformed")
    func headerWithoutKey() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        for header in [
            #"{"alg":"HS256","typ":"JWT"}"#, #"{"alg":"HS256","kid":7,"typ":"JWT"}"#,
            #"{"alg":"HS256","kid":"\#(key.id.description.uppercased())","typ":"JWT"}"#,
            #"{"alg":"HS256","kid":"\#(key.id)"}"#, #"{"alg":"HS256","kid":"\#(key.id)","typ":"JWE"}"#,
            "[]", "", "{", "null", " " + makeHeader(key),
        ] {
            #expect(receiver.refusal(token(header: header, key: key)) == .malformed(.header))
        }
    }

    @Test("Anything but three parts of unpadded base64url is malformed")
    func parts() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let good = token(header: makeHeader(key), key: key)
        for text in ["", ".", "a.b", good + ".", good + ".e30", "\(good)\n"] {
            guard case .malformed = receiver.refusal(text) else {
                Issue.record("not malformed: \(text)")
                continue
            }
        }
        #expect(receiver.refusal(good + "=") == .malformed(.base64))
        #expect(receiver.refusal(" " + good) == .malformed(.base64))
    }

    @Test("A changed header, claim or signature is a bad signature")
    func tampered() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let parts = token(header: makeHeader(key), key: key).split(separator: ".")
        let claims = base64URL(makeClaims(["iss": #""host-2""#]).utf8)
        #expect(receiver.refusal("\(parts[0]).\(claims).\(parts[2])") == .badSignature(key.id))
        let header = base64URL(#"{"typ":"JWT","alg":"HS256","kid":"\#(key.id)"}"#.utf8)
        #expect(receiver.refusal("\(header).\(parts[1]).\(parts[2])") == .badSignature(key.id))
        let zeros = base64URL([UInt8](repeating: 0, count: 32))
        #expect(receiver.refusal("\(parts[0]).\(parts[1]).\(zeros)") == .badSignature(key.id))
        #expect(receiver.refusal("\(parts[0]).\(parts[1]).\(zeros.dropLast(3))") == .malformed(.signature))
    }

    @Test("A token made with the derived key of another purpose is a bad signature")
    func otherPurpose() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        for purpose in KeyPurpose.allCases where purpose != .memberToken {
            let token = makeToken(header: makeHeader(key), claims: makeClaims(), key: key, purpose: purpose)
            #expect(receiver.refusal(token) == .badSignature(key.id))
        }
    }

    @Test("A key outside the ring is no common key")
    func unknownKey() throws {
        let stranger = try makeKey(90)
        var receiver = try Receiver(makeKey())
        let refusal = receiver.refusal(token(header: makeHeader(stranger), key: stranger))
        #expect(refusal == .noCommonKey(offered: stranger.id))
        #expect(refusal?.reason == "no-common-key")
    }

    @Test("No token, a ninth token and a token over 1 KiB are refused even beside a good one")
    func sizes() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let good = token(header: makeHeader(key), key: key)
        #expect(throws: TrustError.noToken) { try receiver.accept([]) }
        #expect(throws: TrustError.tooManyTokens(count: 9)) {
            try receiver.accept([String](repeating: good, count: 9))
        }
        let long = String(repeating: "a", count: 1_025)
        #expect(receiver.refusal(good, long) == .tokenTooLong(byteCount: 1_025))
        #expect(receiver.refusal(good, String(repeating: "a", count: 1_024)) == nil)
    }

    @Test("When all tokens fail the gravest error is told, in whatever order they came")
    func precedence() throws {
        let key = try makeKey()
        let stranger = try makeKey(90)
        var receiver = try Receiver(key)
        func claim(_ changes: [String: String?]) -> String {
            makeToken(header: makeHeader(key), claims: makeClaims(changes), key: key)
        }
        let ladder: [(token: String, reason: String)] = [
            ("rubbish", "malformed"),
            (token(header: makeHeader(stranger), key: stranger), "no-common-key"),
            (token(header: makeHeader(key), key: stranger), "bad-signature"),
            (claim(["pth": #""/other""#]), "binding-mismatch"),
            (claim(["exp": "\(testNow)", "iat": "\(testNow - 1)"]), "expired"),
            (claim(["crt": nil]), "certificate-mismatch"),
        ]
        for upTo in ladder.indices {
            let tokens = ladder[...upTo].map(\.token)
            for order in [tokens, tokens.reversed()] {
                do throws(TrustError) {
                    _ = try receiver.accept(order)
                    Issue.record("accepted")
                } catch {
                    #expect(error.reason == ladder[upTo].reason)
                }
            }
        }
    }
}
