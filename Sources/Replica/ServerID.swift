// The name that a member has in the cluster.

/// A server id: 1 to 64 of `a-z`, `0-9` and `-`. It names a member in keys, tokens, messages and paths, in none of which
/// any of these characters means something else.
package struct ServerID: Hashable, Sendable {
    /// The id as text.
    package let text: String

    /// Longest id, in bytes.
    package static let byteCountMax = 64

    /// What the grammar allows, for messages.
    package static let grammar = "1 to 64 of a-z, 0-9 and -"

    /// Nil where the text is no server id.
    package init?(_ text: some StringProtocol) {
        let bytes = text.utf8
        guard (1...Self.byteCountMax).contains(bytes.count), bytes.allSatisfy(Self.isAllowed) else { return nil }
        self.text = String(text)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || byte == UInt8(ascii: "-")
    }
}

extension ServerID: Comparable {
    /// By bytes. Of two links between the same members the one stays that the lower id dialled.
    package static func < (left: ServerID, right: ServerID) -> Bool { left.text < right.text }
}

extension ServerID: CustomStringConvertible {
    /// The id itself.
    package var description: String { text }
}

extension ServerID: Codable {
    /// From a string; any other value or a text outside the grammar is an error.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let id = ServerID(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not \(Self.grammar)")
        }
        self = id
    }

    /// As a string.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
