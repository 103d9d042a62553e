// Member tokens that are in order: their form, what they are bound to, and whom they name.
import Replica
import TestSupport
import Testing
import Trust

@Suite("Member tokens")
struct MemberTokenTests {
    private func issue(
        _ key: ClusterKey, issuer: ServerID = "host-1", binding: RequestBinding = testBinding, id: UInt32 = 0
    ) throws(TrustError) -> String {
        try MemberToken.issue(
            key: key, issuer: issuer, binding: binding, nowSeconds: testNow, tokenID: makeTokenID(id))
    }

    @Test("A token is, byte for byte, the one that Python makes")
    func vector() throws {
        let token = try MemberToken.issue(
            key: makeKey(), issuer: "host-1", binding: testBinding, nowSeconds: testNow, tokenID: [UInt8](0..<16))
        #expect(
            token == "eyJhbGciOiJIUzI1NiIsImtpZCI6IjBhMzVlNDk5MmQyNWQ0YjMiLCJ0eXAiOiJKV1QifQ"
                + ".eyJhdWQiOiJmYXN0eC1tZW1iZXIiLCJiZHkiOiJMUEpOdWwtd293NG02RHNxeGJuaW5oc1dIbHdmcDBKZWN3UXpZcE9MbUNR"
                + "IiwiY3J0IjoiQndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2NIQndjSEJ3YyIsImV4cCI6MTcwMDAwMDA2MCwiaH"
                + "RtIjoiUFVUIiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJob3N0LTEiLCJqdGkiOiJBQUVDQXdRRkJnY0lDUW9MREEwT0R3Iiwi"
                + "cHRoIjoiL2FwaS94P3k9MSJ9.NzA29r_ePliKVOpwBdnaLb0wRAtpwoiCEFKX1hC4FTE")
    }

    @Test("A token is accepted by a holder of the key, who learns the server, the key and its scope")
    func roundTrip() throws {
        let key = try makeKey(scope: .gateway)
        var receiver = try Receiver(makeKey(8), key)
        let member = try receiver.accept([issue(key)])
        #expect(member == VerifiedMember(serverID: "host-1", keyID: key.id, scope: .gateway))
    }

    @Test("One valid token among others is enough, and a full key counts for more than a gateway's")
    func severalTokens() throws {
        let unknown = try makeKey(50)
        let gateway = try makeKey(1, scope: .gateway)
        let full = try makeKey(2)
        let sender = try KeyRing([unknown, gateway, full])
        let tokens = try MemberToken.issue(
            keyRing: sender, issuer: "host-1", binding: testBinding, nowSeconds: testNow, tokenID: makeTokenID())
        #expect(tokens.count == 3)
        var receiver = try Receiver(gateway, full)
        #expect(try receiver.accept(["rubbish"] + tokens).keyID == full.id)
        var gatewayReceiver = try Receiver(gateway)
        #expect(try gatewayReceiver.accept(tokens).scope == .gateway)
    }

    @Test("Valid tokens of different servers in one request are refused")
    func issuersDiffer() throws {
        let keys = try [makeKey(1), makeKey(2)]
        var receiver = try Receiver(keys[0], keys[1])
        let refusal = try receiver.refusal(issue(keys[0]), issue(keys[1], issuer: "host-2", id: 1))
        #expect(refusal == .issuersDiffer)
    }

    @Test("A token for another method, path or body is refused")
    func otherRequest() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        let token = try issue(key)
        var binding = testBinding
        binding.method = "DELETE"
        #expect(receiver.refusal(token, binding: binding) == .bindingMismatch(.method, serverID: "host-1"))
        binding = testBinding
        binding.path = "/api/x?y=2"
        #expect(receiver.refusal(token, binding: binding) == .bindingMismatch(.path, serverID: "host-1"))
        binding = testBinding
        binding.bodySHA256 = Sodium.sha256([])
        #expect(receiver.refusal(token, binding: binding) == .bindingMismatch(.body, serverID: "host-1"))
    }

    @Test("A path is compared by its bytes, not as Unicode text")
    func pathBytes() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        var composed = testBinding
        composed.path = "/\u{E9}"
        var decomposed = testBinding
        decomposed.path = "/e\u{301}"
        #expect(composed.path == decomposed.path)
        let token = try issue(key, binding: composed)
        #expect(receiver.refusal(token, binding: decomposed) == .bindingMismatch(.path, serverID: "host-1"))
        #expect(receiver.refusal(token, binding: composed) == nil)
    }

    @Test("A token for another certificate is a certificate mismatch, whatever else is wrong with it")
    func otherCertificate() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        var binding = testBinding
        binding.certificateSHA256 = [UInt8](repeating: 8, count: 32)
        binding.method = "DELETE"
        let refusal = try receiver.refusal(issue(key), binding: binding, now: testNow + 500)
        #expect(refusal == .certificateMismatch(serverID: "host-1"))
        #expect(refusal?.reason == "certificate-mismatch")
        #expect(refusal?.description.contains("certificate mismatch") == true)
    }

    @Test("An unbound token is accepted where the link is unbound, and only there")
    func unbound() throws {
        let key = try makeKey()
        var receiver = try Receiver(key)
        var unbound = testBinding
        unbound.certificateSHA256 = nil
        let unboundToken = try issue(key, binding: unbound)
        let mismatch = TrustError.certificateMismatch(serverID: "host-1")
        #expect(receiver.refusal(unboundToken) == mismatch)
        #expect(try receiver.refusal(issue(key), binding: unbound) == mismatch)
        #expect(receiver.refusal(unboundToken, binding: unbound) == nil)
    }

    @Test("Nothing is issued for what no receiver would accept")
    func issueRefusals() throws {
        let key = try makeKey()
        #expect(throws: TrustError.tokenIDLength(byteCount: 15)) {
            try MemberToken.issue(
                key: key, issuer: "a", binding: testBinding, nowSeconds: testNow, tokenID: makeTokenID().dropLast())
        }
        #expect(throws: TrustError.timeOutOfRange) {
            try MemberToken.issue(
                key: key, issuer: "a", binding: testBinding, nowSeconds: .max, tokenID: makeTokenID())
        }
        var binding = testBinding
        binding.bodySHA256 = [1]
        #expect(throws: TrustError.digestLength(byteCount: 1)) { try issue(key, binding: binding) }
        binding = testBinding
        binding.path = "/" + String(repeating: "x", count: 1_000)
        #expect(throws: TrustError.self) { try issue(key, binding: binding) }
    }

    @Test("A path of 300 bytes leaves room in the token for the longest server id")
    func longPath() throws {
        var binding = testBinding
        binding.path = String(repeating: "/", count: 300)
        binding.method = "OPTIONS"
        let token = try issue(
            makeKey(), issuer: ServerID(stringLiteral: String(repeating: "a", count: ServerID.byteCountMax)),
            binding: binding)
        #expect(token.utf8.count <= MemberToken.byteCountMax)
    }
}
