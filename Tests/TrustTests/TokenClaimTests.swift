// Tokens refused for their claims: missing ones, times, replays; and what is not judged on a link.
import TestSupport
import Testing
import Trust

@Suite("Refused claims")
struct TokenClaimTests {
    private func token(_ changes: [String: String?], key: ClusterKey) -> String {
        makeToken(header: makeHeader(key), claims: makeClaims(changes), key: key)
    }

    private func times(iat: Int64, exp: Int64) -> [String: String?] {
        ["iat": "\(iat)", "exp": "\(exp)"]
    }

    @Test(
        "Each claim is required, on a request and on a link",
        arguments: ["iss", "aud", "iat", "exp", "jti", "htm", "pth", "bdy"])
    func required(name: String) throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        for use in [MemberTokenVerifier.Use.request, .link] {
            #expect(receiver.refusal(token([name: nil as String?], key: key), use: use) == .malformed(.claims))
            #expect(receiver.refusal(token([name: "null"], key: key), use: use) == .malformed(.claims))
            #expect(receiver.refusal(token([name: "[true]"], key: key), use: use) == .malformed(.claims))
        }
    }

    @Test("Another audience, a list of audiences and another kind of issuer are refused")
    func names() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        #expect(receiver.refusal(token(["aud": #""fastx-user""#], key: key)) == .wrongAudience(serverID: "host-1"))
        #expect(receiver.refusal(token(["aud": #"["fastx-member"]"#], key: key)) == .malformed(.claims))
        for issuer in ["", "Host", "a/b", "a\\nb", "\\u0000", String(repeating: "a", count: 65)] {
            #expect(receiver.refusal(token(["iss": "\"\(issuer)\""], key: key)) == .issuerRefused)
        }
    }

    @Test("A token id of less than 128 bits, of more than 64 characters or of others than base64url is refused")
    func tokenIDs() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        for (character, count) in [("a", 21), ("a", 65), ("+", 22)] {
            let id = String(repeating: character, count: count)
            #expect(receiver.refusal(token(["jti": "\"\(id)\""], key: key)) == .malformed(.claims))
        }
    }

    @Test("A token is accepted until the second before it expires")
    func expiry() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let good = token([:], key: key)
        #expect(receiver.refusal(good, now: testNow + 61) == .expired(serverID: "host-1", agoSeconds: 1))
        #expect(receiver.refusal(good, now: testNow + 60) == .expired(serverID: "host-1", agoSeconds: 0))
        #expect(receiver.refusal(good, now: testNow + 59) == nil)
    }

    @Test("A sender's clock may be 60 s ahead and no more")
    func ahead() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let late = token(times(iat: testNow + 61, exp: testNow + 121), key: key)
        #expect(receiver.refusal(late) == .issuedAhead(serverID: "host-1", aheadSeconds: 61))
        #expect(receiver.refusal(token(times(iat: testNow + 60, exp: testNow + 120), key: key)) == nil)
    }

    @Test("A token may live 120 s and no more")
    func lifetime() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let long = token(times(iat: testNow, exp: testNow + 121), key: key)
        #expect(receiver.refusal(long) == .lifetimeTooLong(serverID: "host-1", lifetimeSeconds: 121))
        #expect(receiver.refusal(token(times(iat: testNow, exp: testNow + 120), key: key)) == nil)
    }

    @Test("A token issued before the receiver started is refused")
    func olderThanStart() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let old = token(times(iat: testNow - 1, exp: testNow + 59), key: key)
        #expect(receiver.refusal(old) == .olderThanStart(serverID: "host-1"))
    }

    @Test(
        "Times at the ends of the number range are refused without a crash",
        arguments: [
            (.min, .max), (.max, .max), (.min, .min), (0, .max), (-1, testNow + 5), (testNow + 9, testNow + 5),
        ] as [(Int64, Int64)])
    func extremeTimes(iat: Int64, exp: Int64) throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        #expect(receiver.refusal(token(times(iat: iat, exp: exp), key: key)) == .malformed(.claims))
        #expect(receiver.refusal(token(["exp": "1e300"], key: key)) == .malformed(.claims))
        #expect(receiver.refusal(token([:], key: key), now: .max) == .timeOutOfRange)
        #expect(receiver.refusal(token([:], key: key), now: .min) == .timeOutOfRange)
    }

    @Test("A token is accepted once")
    func replay() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let good = token([:], key: key)
        #expect(receiver.refusal(good) == nil)
        #expect(receiver.refusal(good) == .replayed(serverID: "host-1"))
        #expect(receiver.refusal(good, now: testNow + 59) == .replayed(serverID: "host-1"))
    }

    @Test("A refused token is not used up")
    func refusalKeepsToken() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        var binding = testBinding
        binding.method = "GET"
        #expect(receiver.refusal(token([:], key: key), binding: binding) != nil)
        #expect(receiver.refusal(token([:], key: key)) == nil)
    }

    @Test("None of a request's tokens is accepted again, not even alone or once its key is known")
    func replayOfAnotherToken() throws {
        let keys = try [makeKey(1), makeKey(2), makeKey(3)]
        let tokens = try MemberToken.issue(
            keyRing: KeyRing(keys), issuer: "host-1", binding: testBinding, nowSeconds: testNow,
            tokenID: makeTokenID())
        var receiver = try Receiver(keys[0], keys[1])
        _ = try receiver.accept(tokens)
        receiver.ring = try KeyRing(keys)
        for token in tokens { #expect(receiver.refusal(token) == .replayed(serverID: "host-1")) }
    }

    @Test("The same id from two servers is no replay")
    func sameIDOfTwoServers() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        #expect(receiver.refusal(token([:], key: key)) == nil)
        #expect(receiver.refusal(token(["iss": #""host-2""#], key: key)) == nil)
    }

    @Test("A clock that is set back makes no used token good again")
    func clockSetBack() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let used = token([:], key: key)
        #expect(receiver.refusal(used) == nil)
        let later = token(times(iat: testNow + 100, exp: testNow + 160), key: key)
        #expect(receiver.refusal(later, now: testNow + 100) == nil)
        #expect(receiver.refusal(used, now: testNow + 10) == .expired(serverID: "host-1", agoSeconds: 0))
    }

    @Test("A full memory refuses new tokens and has room again when the old ones expire")
    func fullMemory() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        receiver.verifier = MemberTokenVerifier(startedAtSeconds: testNow, tokenIDCountMax: 3)
        func issue(_ number: UInt32, _ now: Int64) throws -> String {
            try MemberToken.issue(
                key: key, issuer: "a", binding: testBinding, nowSeconds: now, tokenID: makeTokenID(number))
        }
        for number in 0..<3 as Range<UInt32> { #expect(try receiver.refusal(issue(number, testNow)) == nil) }
        #expect(try receiver.refusal(issue(3, testNow)) == .replayCacheFull(countMax: 3))
        #expect(try receiver.refusal(issue(0, testNow)) == .replayed(serverID: "a"))
        #expect(try receiver.refusal(issue(4, testNow + 60), now: testNow + 60) == nil)
    }

    @Test("On a link neither times nor ids decide, but key, audience and binding do")
    func link() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let old = token(times(iat: 5, exp: 1), key: key)
        for now in [0, testNow, .min, .max] as [Int64] {
            #expect(receiver.refusal(old, now: now, use: .link) == nil)
        }
        var binding = testBinding
        binding.path = "/elsewhere"
        #expect(receiver.refusal(old, binding: binding, use: .link) != nil)
        binding = testBinding
        binding.certificateSHA256 = [UInt8](repeating: 8, count: 32)
        #expect(receiver.refusal(old, binding: binding, use: .link) == .certificateMismatch(serverID: "host-1"))
        #expect(receiver.refusal(token(["aud": #""x""#], key: key), use: .link) == .wrongAudience(serverID: "host-1"))
        let stranger = try makeKey(90)
        #expect(receiver.refusal(token([:], key: stranger), use: .link) == .noCommonKey(offered: stranger.id))
    }
}
