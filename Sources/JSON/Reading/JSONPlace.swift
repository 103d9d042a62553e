// Where in a text a value stands: databaseConnections[1].options.timeout.

/// The way from the top of a JSON text to one value, as text.
package struct JSONPlace: Sendable, Hashable, CustomStringConvertible {
    /// The text as a whole.
    package static let root = JSONPlace(description: "")

    /// The way as text, such as `databaseConnections[1].options.timeout`; empty for the root.
    package let description: String

    /// How a line about this place in a text begins.
    package func prefix(for document: String) -> String {
        ShownText.oneLine(self == .root ? document : "\(document): \(self)")
    }

    /// A member of an object. A name that is not a plain word is quoted.
    package func key(_ name: String) -> JSONPlace {
        let isWord = !name.isEmpty && name.utf8.allSatisfy { Self.isWordByte($0) }
        guard isWord, name.count <= ShownText.keyNameCharacterCountMax else {
            return JSONPlace(description: "\(description)[\(ShownText.keyName(name))]")
        }
        return JSONPlace(description: description.isEmpty ? name : "\(description).\(name)")
    }

    /// An element of a list.
    package func index(_ index: Int) -> JSONPlace {
        JSONPlace(description: "\(description)[\(index)]")
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
