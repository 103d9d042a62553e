// What can be wrong with a key, an entry or a batch.

/// Every error of this module.
package enum ReplicaError: Error, Equatable, Sendable {
    case keyLength(Int)
    case keyPrefix(String)
    case keyParts(String, expected: String)
    case keyCharacter(String, byte: UInt8, offset: Int)
    case keyNotUTF8(String)
    case valueLength(Int)
    case batch(offset: Int, String)
    case symbols(String)
}

extension ReplicaError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .keyLength(let count):
            "a key of \(count) bytes is not allowed; allowed: 1 to \(Key.byteCountMax) bytes"
        case .keyPrefix(let key):
            "key \"\(Self.shown(key))\" has no known prefix; allowed: "
                + KeyClass.allCases.map { $0.prefix + "/" }.joined(separator: ", ")
        case .keyParts(let key, let expected):
            "key \"\(Self.shown(key))\" does not have the form \(expected) with no empty part"
        case .keyCharacter(let key, let byte, let offset):
            "key \"\(Self.shown(key))\" has the control character \(byte) at byte \(offset); control characters are not allowed"
        case .keyNotUTF8(let key):
            "key \"\(Self.shown(key))\" is not valid UTF-8"
        case .valueLength(let count):
            "a value of \(count) bytes is not allowed; allowed: up to \(Entry.valueByteCountMax) bytes"
        case .batch(let offset, let reason):
            "entries cannot be read at byte \(offset): \(reason)"
        case .symbols(let reason):
            "sketch symbols cannot be used: \(reason)"
        }
    }

    /// Text for a message: without control characters, and not endless.
    private static func shown(_ key: String) -> String {
        let safe = key.unicodeScalars.prefix(80).map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
        return String(String.UnicodeScalarView(safe))
    }
}
