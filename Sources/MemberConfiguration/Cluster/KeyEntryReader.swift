// Reads and writes one cluster key, and the rule for secrets as text.
import JSON
import Trust

extension KeyEntry {
    /// What messages give as allowed for a secret.
    static let allowedSecret = """
        \(ClusterLimits.secretByteCount.lowerBound) to \(ClusterLimits.secretByteCount.upperBound) bytes, \
        as hexadecimal digits or as base64 with its padding
        """

    /// Nil without a usable secret; that is reported.
    init?(from reader: inout ObjectReader) {
        let secret = reader.string("secret", allowed: Self.allowedSecret, isRequired: true, isSecret: true) { text in
            Self.isSecret(text) ? SecretText(text) : nil
        }
        let scope = reader.string("scope", allowed: "\"full\", \"gateway\"", accept: KeyScope.init(rawValue:))
        let nameCountMax = ClusterLimits.keyNameCharacterCountMax
        let name = reader.string("name", allowed: "a name of 1 to \(nameCountMax) characters on one line") { text in
            (1...nameCountMax).contains(text.count) && ShownText.oneLine(text) == text ? text : nil
        }
        reader.finish()
        guard let secret else { return nil }
        self.init(secret: secret, scope: scope ?? .full, name: name)
    }

    func toJSON() -> JSONValue {
        var members: [String: JSONValue] = ["secret": .string(secret.revealed), "scope": .string(scope.rawValue)]
        if let name { members["name"] = .string(name) }
        return .object(members)
    }

    /// Whether a text is a secret of a permitted length.
    package static func isSecret(_ text: String) -> Bool {
        guard let byteCount = decodedByteCount(text) else { return false }
        return ClusterLimits.secretByteCount.contains(byteCount)
    }

    /// The length of the secret that a text stands for, without decoding it: that would leave one more copy in memory.
    static func decodedByteCount(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        if bytes.allSatisfy({ isHexDigit($0) }) { return bytes.count.isMultiple(of: 2) ? bytes.count / 2 : nil }
        let digits = bytes.prefix { $0 != UInt8(ascii: "=") }
        let paddingCount = bytes.count - digits.count
        guard bytes.count.isMultiple(of: 4), paddingCount <= 2, let last = digits.last else { return nil }
        guard bytes.suffix(paddingCount).allSatisfy({ $0 == UInt8(ascii: "=") }) else { return nil }
        guard digits.allSatisfy({ base64Value($0) != nil }), let lastValue = base64Value(last) else { return nil }
        // Bits of the last digit that no byte uses must be 0: strict decoders refuse anything else.
        let unusedBits: UInt8 = paddingCount == 2 ? 0b1111 : paddingCount == 1 ? 0b11 : 0
        guard lastValue & unusedBits == 0 else { return nil }
        return bytes.count / 4 * 3 - paddingCount
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    private static func base64Value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
