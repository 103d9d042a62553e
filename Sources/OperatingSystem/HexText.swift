// Bytes as lowercase hex digits, and random names made of them.

/// Bytes as lowercase hexadecimal digits, and back.
package enum HexText {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Two digits for each byte. Of arrays alone: what is generic is not specialised for callers in other modules, and
    /// every request has its names and tokens written so.
    package static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.count)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of lowercase hex digits, or nil where the text is none.
    package static func decode(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

/// Random names.
package enum RandomText {
    /// Lower-case hexadecimal digits of random bytes of the system's generator.
    package static func make(byteCount: Int) -> String {
        HexText.encode((0..<byteCount).map { _ in UInt8.random(in: .min ... .max) })
    }
}
