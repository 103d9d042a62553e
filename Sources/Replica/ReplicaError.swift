// What can be wrong with a key, an entry or a batch.

/// Every error of this module.
package enum ReplicaError: Error, Equatable, Sendable {
    /// A key of so many bytes: none, or over `Key.byteCountMax`.
    case keyLength(Int)
    /// A key that begins with the prefix of no class.
    case keyPrefix(String)
    /// A key of too many parts or too few for its class, or with an empty one.
    case keyParts(String, expected: String)
    /// A key with a control character.
    case keyCharacter(String, byte: UInt8, offset: Int)
    /// A key that is not UTF-8; the text has replacement characters in it.
    case keyNotUTF8(String)
    /// A value of so many bytes: over `Entry.valueByteCountMax`.
    case valueLength(Int)
    /// Bytes that are not whole entries from an offset on.
    case batch(offset: Int, String)
    /// Symbols that no sketch can have.
    case symbols(String)
}

extension ReplicaError: CustomStringConvertible {
    /// What is wrong, with what, and what is allowed, in one line that is fit for a terminal.
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
