// Bytes as text and back: hexadecimal and base64, strict, through libsodium's constant-time codecs.
internal import CSodium

/// Text forms of bytes. Decoding accepts one spelling of each value only, so that no two texts mean the same bytes.
enum ByteText {
    /// The two alphabets of base64, each with and without padding.
    enum Base64Variant: CaseIterable {
        case standard, standardUnpadded, url, urlUnpadded

        fileprivate var code: Int32 {
            switch self {
            case .standard: sodium_base64_VARIANT_ORIGINAL
            case .standardUnpadded: sodium_base64_VARIANT_ORIGINAL_NO_PADDING
            case .url: sodium_base64_VARIANT_URLSAFE
            case .urlUnpadded: sodium_base64_VARIANT_URLSAFE_NO_PADDING
            }
        }
    }

    /// Lowercase hexadecimal, two digits a byte.
    static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that hexadecimal digits of either case stand for; nil for an odd length or anything else in the text.
    static func bytes(hex text: [UInt8]) -> [UInt8]? {
        guard text.count.isMultiple(of: 2), text.allSatisfy(isHexDigit) else { return nil }
        var bytes = [UInt8](repeating: 0, count: text.count / 2)
        let capacity = bytes.count
        var count = 0
        let status = unsafe text.withUnsafeBytes { source in
            let digits = unsafe source.assumingMemoryBound(to: CChar.self)
            return unsafe sodium_hex2bin(&bytes, capacity, digits.baseAddress, digits.count, nil, &count, nil)
        }
        guard status == 0, count == capacity else { return nil }
        return bytes
    }

    /// Whether the byte is one of `0-9`, `a-f`, `A-F`.
    static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }

    /// Base64 text of the bytes.
    static func base64(_ bytes: [UInt8], _ variant: Base64Variant) -> String {
        var text = [CChar](repeating: 0, count: sodium_base64_encoded_len(bytes.count, variant.code))
        let capacity = text.count
        _ = unsafe sodium_bin2base64(&text, capacity, bytes, bytes.count, variant.code)
        defer {
            // What was encoded may be a secret.
            unsafe sodium_memzero(&text, capacity)
        }
        return String(decoding: text.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The bytes of base64 text; nil when it is not exactly of this variant, or its unused last bits are not zero.
    static func bytes(base64 text: [UInt8], _ variant: Base64Variant) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: text.count / 4 * 3 + 3)
        let capacity = bytes.count
        var count = 0
        let status = unsafe text.withUnsafeBytes { source in
            let letters = unsafe source.assumingMemoryBound(to: CChar.self)
            return unsafe sodium_base642bin(
                &bytes, capacity, letters.baseAddress, letters.count, nil, &count, nil, variant.code)
        }
        guard status == 0 else {
            Sodium.wipe(&bytes)
            return nil
        }
        bytes.removeLast(capacity - count)
        return bytes
    }
}
