// Where in a file a value stands: databaseConnections[1].options.timeout.

/// The way from the top of a file to one value, as text.
struct ConfigurationKeyPath: Sendable, Hashable, CustomStringConvertible {
    /// The file as a whole.
    static let root = ConfigurationKeyPath(description: "")

    let description: String

    /// A member of an object. A name that is not a plain word is quoted.
    func key(_ name: String) -> ConfigurationKeyPath {
        let isWord = !name.isEmpty && name.utf8.allSatisfy { Self.isWordByte($0) }
        guard isWord, name.count <= ShownText.keyNameCharacterCountMax else {
            return ConfigurationKeyPath(description: "\(description)[\(ShownText.keyName(name))]")
        }
        return ConfigurationKeyPath(description: description.isEmpty ? name : "\(description).\(name)")
    }

    /// An element of a list.
    func index(_ index: Int) -> ConfigurationKeyPath {
        ConfigurationKeyPath(description: "\(description)[\(index)]")
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
