// One example of every message, with the bytes that stand for it.
import Gossip
import NIOCore
import Replica
import Testing

struct WireExample: Sendable, CustomTestStringConvertible {
    let name: String
    /// Fields in hexadecimal digits, parted by spaces.
    let fields: String

    var bytes: [UInt8] {
        var digits = fields.filter { $0 != " " }[...]
        var bytes: [UInt8] = []
        while let byte = UInt8(digits.prefix(2), radix: 16) {
            bytes.append(byte)
            digits = digits.dropFirst(2)
        }
        return bytes
    }

    var buffer: ByteBuffer { ByteBuffer(bytes: bytes) }
    var testDescription: String { name }

    static func named(_ name: String) throws -> WireExample {
        try #require(all.first { $0.name == name })
    }

    private static let nonce = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    private static let fingerprint = "00112233445566778899aabbccddeeff"

    /// Entries `config/motd` = `hello` by origin 1 at the clock 1,700,000,000,000 ms, and the tombstone of `data/x`.
    private static let entries =
        "000b 00000005 00 018bcfe568000000 0000000000000001 0000000000000000 636f6e6669672f6d6f7464 68656c6c6f"
        + "0006 00000000 01 018bcfe568010002 0000000000000001 0000000000000000 646174612f78"

    static let all = [
        WireExample(
            name: "hello",
            fields: "01 0001 0001 \(nonce) 0123456789abcdef 0000018bcfe56800 00400000 03 0006 686f73742d31 "
                + "000b 66617374782f302e312e30"),
        WireExample(name: "proof", fields: "02 00000000 01 0a35e4992d25d4b3 \(nonce)"),
        WireExample(name: "challenge", fields: "03 00000001 \(nonce) 02 0a35e4992d25d4b3 1112131415161718"),
        WireExample(name: "summary", fields: "04 00000007 00000000000f4240 \(fingerprint) 01"),
        WireExample(name: "symbolRequest", fields: "05 00000007 00000010 00000040 00"),
        WireExample(
            name: "symbols",
            fields: "06 00000007 00000000 0000000000000064 00000002 0123456789abcdef deadbeef 00 "
                + "fedcba9876543210 01020304 83 01"),
        WireExample(name: "want", fields: "07 00000007 00000002 0123456789abcdef fedcba9876543210"),
        WireExample(name: "entries", fields: "08 00 00000000 0000 " + entries),
        WireExample(name: "stream", fields: "08 02 00000007 0006 646174612f78 " + entries),
        WireExample(name: "streamRequest", fields: "09 00000007 0006 646174612f78"),
        WireExample(name: "streamOffer", fields: "0a 00000007"),
        WireExample(name: "roundEnd", fields: "0b 00000007 00000064 03"),
        WireExample(name: "nudge", fields: "0c"),
        WireExample(name: "refused", fields: "0d 0001 0006 646174612f78 \(fingerprint) 02 0000018bcfe56800"),
        WireExample(name: "credit", fields: "0e 00080000"),
        WireExample(name: "ping", fields: "0f 0123456789abcdef"),
        WireExample(name: "pong", fields: "10 0123456789abcdef 0000018bcfe56800"),
        WireExample(name: "bye", fields: "11 05 000d 6e6f20636f6d6d6f6e206b6579"),
    ]
}

/// The examples as lines for a document.
func printedExamples() -> String {
    WireExample.all.map { "\($0.name): \($0.fields)" }.joined(separator: "\n")
}
