// The public name of a cluster key: it tells keys apart and reveals nothing about the secret.

/// The first 8 bytes of the key's `keyID` derivation, shown as 16 lowercase hexadecimal digits.
package struct KeyID: Hashable, Sendable {
    /// The length of `bytes`.
    package static let byteCount = 8

    /// Big-endian, so that the order of values is the order of the digits.
    private let value: UInt64

    /// From the 8 raw bytes; nil for any other count.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        value = bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// From exactly 16 lowercase hexadecimal digits; nil for anything else.
    package init?(hex: String) {
        let digits = Array(hex.utf8)
        guard digits.count == Self.byteCount * 2, !digits.contains(where: { (0x41...0x46).contains($0) }),
            let bytes = ByteText.bytes(hex: digits)
        else { return nil }
        self.init(bytes: bytes)
    }

    /// Of a secret's key-id derivation, which is never shorter than the 8 bytes taken from it.
    init(derivedFrom code: [UInt8]) {
        value = code.prefix(Self.byteCount).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The 8 raw bytes.
    package var bytes: [UInt8] {
        (0..<Self.byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) }
    }
}

extension KeyID: CustomStringConvertible {
    /// 16 lowercase hexadecimal digits.
    package var description: String { ByteText.hex(bytes) }
}

extension KeyID: Comparable {
    /// In the order of the hexadecimal digits.
    package static func < (left: KeyID, right: KeyID) -> Bool { left.value < right.value }
}

extension KeyID: Codable {
    /// From a string of 16 lowercase hexadecimal digits.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let id = KeyID(hex: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "a key id is 16 lowercase hexadecimal digits")
        }
        self = id
    }

    /// As a string of 16 lowercase hexadecimal digits.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
