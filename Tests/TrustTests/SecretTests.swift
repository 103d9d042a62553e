// Secrets: how they are read, how long they may be, and that nothing prints them.
import TestSupport
import Testing
import Trust

@Suite("Secrets")
struct SecretTests {
    private let bytes = [UInt8](0..<32)
    private let hexText = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    private let base64Text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    @Test("Hexadecimal of either case and base64 with or without padding mean the same secret")
    func textForms() throws {
        let secret = try Secret(bytes)
        for text in [hexText, hexText.uppercased(), base64Text, String(base64Text.dropLast())] {
            #expect(try Secret.parse(text) == secret)
            #expect(try Secret.parse(text + "\n") == secret)
            #expect(try Secret.parse(text + "\r\n") == secret)
        }
    }

    @Test("Both base64 alphabets are read, but not mixed")
    func alphabets() throws {
        let secret = try Secret([UInt8](repeating: 0xFB, count: 33))
        let standard = String(repeating: "+/v7", count: 11)
        let url = String(repeating: "-_v7", count: 11)
        #expect(try Secret.parse(standard) == secret)
        #expect(try Secret.parse(url) == secret)
        #expect(throws: TrustError.secretNotText) { try Secret.parse("+/v7" + url) }
    }

    @Test("The written form is read back")
    func roundTrip() throws {
        for count in [32, 33, 34, 1_024] {
            let secret = try Secret((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            #expect(try Secret.parse(secret.encodedText() + "\n") == secret)
        }
        #expect(try Secret(bytes).encodedText() == base64Text)
    }

    @Test("Fewer than 32 bytes are refused, as bytes and as text")
    func tooShort() {
        #expect(throws: TrustError.secretTooShort(byteCount: 31)) { try Secret(bytes.dropLast()) }
        #expect(throws: TrustError.secretTooShort(byteCount: 0)) { try Secret([]) }
        #expect(throws: TrustError.secretTooShort(byteCount: 31)) { try Secret.parse(String(hexText.dropLast(2))) }
        #expect(throws: TrustError.secretTooShort(byteCount: 0)) { try Secret.parse("") }
        #expect(throws: TrustError.secretTooShort(byteCount: 0)) { try Secret.parse("\n") }
        #expect(throws: TrustError.secretTooShort(byteCount: 0)) { try Secret.parse("\r\n") }
    }

    @Test("More than 1,024 bytes are refused, as bytes and as text")
    func tooLong() throws {
        _ = try Secret([UInt8](repeating: 1, count: 1_024))
        _ = try Secret.parse(String(repeating: "ab", count: 1_024) + "\r\n")
        #expect(throws: TrustError.secretTooLong(byteCount: 1_025)) { try Secret([UInt8](repeating: 1, count: 1_025)) }
        #expect(throws: TrustError.self) { try Secret.parse(String(repeating: "ab", count: 1_025)) }
        #expect(throws: TrustError.self) { try Secret.parse(String(repeating: "A", count: 1_000_000)) }
    }

    @Test("An odd number of hexadecimal digits is refused rather than read as base64")
    func oddHex() {
        #expect(throws: TrustError.secretOddHex(digitCount: 65)) { try Secret.parse(hexText + "0") }
    }

    @Test(
        "Several lines are refused",
        arguments: ["\nX", "X\n\n", "X\r", "X\nY\n", "\r\nX"])
    func severalLines(pattern: String) {
        let text = pattern.replacing("X", with: hexText).replacing("Y", with: hexText)
        #expect(throws: TrustError.secretSeveralLines) { try Secret.parse(text) }
    }

    @Test("Other white space, other characters and unused bits that are not zero are refused")
    func notText() {
        for text in [" " + hexText, hexText + " ", "0x" + hexText, "é" + hexText, base64Text + "=", "*" + base64Text] {
            #expect(throws: TrustError.secretNotText) { try Secret.parse(text) }
        }
        // The last letter holds two bits that belong to no byte.
        #expect(throws: TrustError.secretNotText) { try Secret.parse(base64Text.replacing("8=", with: "9=")) }
    }

    @Test("Secrets are equal only if every byte is")
    func equality() throws {
        var other = bytes
        other[31] ^= 1
        #expect(try Secret(bytes) == Secret(bytes))
        #expect(try Secret(bytes) != Secret(other))
        #expect(try Secret(bytes) != Secret(bytes + [0]))
    }

    @Test("No printout of a secret, a key or a ring shows the content")
    func printouts() throws {
        let text = "correct horse battery staple 12345"
        let key = try ClusterKey(secret: Secret(Array(text.utf8)), scope: .gateway)
        let ring = try KeyRing([key])
        var outputs = [
            "\(key.secret)", String(reflecting: key.secret), "\(key)", String(reflecting: key), "\(ring)",
            String(reflecting: ring), "\([key])", "\(Optional(key.secret) as Any)",
        ]
        for value: Any in [key.secret, key, ring, key.derivedKey(.memberToken)] {
            var dumped = ""
            dump(value, to: &dumped)
            outputs.append(dumped)
        }
        let forms =
            [text, key.secret.encodedText(), hex(Array(text.utf8))]
            + KeyPurpose.allCases.flatMap { purpose in
                let code = plain(key.derivedKey(purpose))
                return [base64URL(code), hex(code), "\(code)"]
            }
        for output in outputs {
            for form in forms { #expect(!output.contains(form)) }
        }
        #expect("\(key.secret)" == "secret of 34 bytes")
        #expect("\(key)" == "gateway key \(key.id)")
    }

    @Test("No error shows what it refused")
    func errors() {
        let odd = hexText + "7"
        for text in [odd, String(hexText.dropLast(2)), hexText + "!", hexText + "\n" + hexText] {
            do throws(TrustError) {
                _ = try Secret.parse(text)
                Issue.record("accepted")
            } catch {
                #expect(!"\(error) \(String(reflecting: error))".contains("0001020304"))
            }
        }
    }
}
