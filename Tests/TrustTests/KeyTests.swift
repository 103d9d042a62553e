// Derived keys against vectors computed with Python's hmac and hashlib, key ids, rings and link proofs.
import Foundation
import TestSupport
import Testing
import Trust

@Suite("Keys")
struct KeyTests {
    /// Of the secret 00 01 … 1f.
    private static let vectors: [(KeyPurpose, String)] = [
        (.memberToken, "44a400c5ff4eeda30e383e8a150d936e58a62ffe7e020b8c80043562493d9007"),
        (.linkProof, "230bd5aa4479224a0488a47dd3a28ee62177308091be9e6295cf385e641d6561"),
        (.userToken, "2169d8fefd24386de4ab29446f65eb443828facf5204b7ce30eebd14600ebd8d"),
        (.linkToken, "263cc9fd6a3ffab1ae54691dc93ba6464e49e76b7fa10e10524d07b6b816704d"),
        (.keyID, "0a35e4992d25d4b35e633fe587f40012858a3fc7ac0880745368d253108f31f2"),
    ]

    @Test("SHA-256 and HMAC-SHA-256 agree with their published vectors, for keys of any length")
    func published() {
        #expect(
            hex(Sodium.sha256(Array("abc".utf8))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        let short = unsafe Array("Jefe".utf8).withUnsafeBytes {
            unsafe Sodium.hmacSHA256(key: $0, Array("what do ya want ".utf8), [], Array("for nothing?".utf8))
        }
        #expect(hex(short) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        let long = unsafe [UInt8](repeating: 0xAA, count: 131).withUnsafeBytes {
            unsafe Sodium.hmacSHA256(key: $0, Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8))
        }
        #expect(hex(long) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        let empty = unsafe Sodium.hmacSHA256(key: UnsafeRawBufferPointer(start: nil, count: 0), [])
        #expect(hex(empty) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test("libsodium may be started more than once")
    func start() throws {
        try Sodium.start()
        try Sodium.start()
    }

    @Test("Each purpose has the derived key that Python computes")
    func derivation() throws {
        let key = try makeKey()
        for (purpose, expected) in Self.vectors {
            #expect(hex(plain(key.derivedKey(purpose))) == expected)
        }
        #expect(Self.vectors.count == KeyPurpose.allCases.count)
        #expect(key.id.description == "0a35e4992d25d4b3")
    }

    @Test("A key id is read from its own text and bytes only")
    func keyID() throws {
        let id = try makeKey().id
        #expect(KeyID(hex: id.description) == id)
        #expect(KeyID(bytes: id.bytes) == id)
        #expect(id.bytes == [0x0A, 0x35, 0xE4, 0x99, 0x2D, 0x25, 0xD4, 0xB3])
        for text in [
            "", "0a35e4992d25d4b", "0a35e4992d25d4b30", "0A35E4992D25D4B3", "0a35e4992d25d4g3", "0a35e4992d25d4é",
        ] {
            #expect(KeyID(hex: text) == nil)
        }
        #expect(KeyID(bytes: [1, 2, 3]) == nil)
        #expect(KeyID(bytes: [UInt8](repeating: 0, count: 9)) == nil)
    }

    @Test("Key ids are ordered as their digits are, and encoded as text")
    func keyIDOrderAndCoding() throws {
        let low = try #require(KeyID(hex: "0fffffffffffffff"))
        let high = try #require(KeyID(hex: "f000000000000000"))
        #expect(low < high)
        let json = try JSONEncoder().encode([low])
        #expect(String(decoding: json, as: UTF8.self) == #"["0fffffffffffffff"]"#)
        #expect(try JSONDecoder().decode([KeyID].self, from: json) == [low])
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([KeyID].self, from: Data(#"["0FF"]"#.utf8)) }
    }

    @Test("A ring keeps the order and finds keys by id")
    func ring() throws {
        let keys = try [makeKey(5), makeKey(1, scope: .gateway), makeKey(3)]
        let ring = try KeyRing(keys)
        #expect(ring.ids == keys.map(\.id))
        #expect(ring[keys[1].id]?.scope == .gateway)
        #expect(try ring[makeKey(9).id] == nil)
        #expect(!ring.isEmpty)
        #expect(KeyRing().isEmpty)
    }

    @Test("A ring refuses the same secret twice, even in two scopes, and names its id")
    func ringDuplicates() throws {
        let key = try makeKey()
        let other = try makeKey(scope: .gateway)
        #expect(throws: TrustError.duplicateKey(key.id)) { try KeyRing([key, makeKey(1), other]) }
        #expect(TrustError.duplicateKey(key.id).description.contains("0a35e4992d25d4b3"))
    }

    @Test("A ring holds 8 keys and refuses a ninth")
    func ringLimit() throws {
        let keys = try (0..<9).map { try makeKey(UInt8($0)) }
        #expect(try KeyRing(Array(keys.prefix(KeyRing.keyCountMax))).keys.count == 8)
        #expect(throws: TrustError.tooManyKeys(count: 9)) { try KeyRing(keys) }
    }

    @Test("A link proof agrees with Python's and holds for its message and key alone")
    func linkProof() throws {
        let key = try makeKey()
        let message = Array("nonces".utf8)
        let proof = key.linkProof(over: message)
        #expect(hex(proof) == "f398e68230ed3311add105a0a0c2d8b89e5d57b05360821c6f45772f0eaff41d")
        #expect(key.verifies(linkProof: proof, over: message))
        #expect(!key.verifies(linkProof: proof, over: message + [0]))
        #expect(try !makeKey(1).verifies(linkProof: proof, over: message))
        #expect(!key.verifies(linkProof: key.code(.memberToken, over: message), over: message))
    }

    @Test("A link proof of the wrong length or with one bit changed is refused")
    func badLinkProof() throws {
        let key = try makeKey()
        let proof = key.linkProof(over: [1])
        #expect(!key.verifies(linkProof: [], over: [1]))
        #expect(!key.verifies(linkProof: proof.dropLast(), over: [1]))
        #expect(!key.verifies(linkProof: proof + [0], over: [1]))
        for bit in 0..<256 {
            var changed = proof
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!key.verifies(linkProof: changed, over: [1]))
        }
    }
}
