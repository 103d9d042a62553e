// An object of a configuration file that is read and written by the declarations of its keys.
package import JSON

/// An object whose keys are declared.
package protocol ConfigurationPart: Sendable {
    /// The defaults.
    init()

    /// In the order in which messages and the documentation name them.
    static var keys: [ConfigurationKey<Self>] { get }
}

extension ConfigurationPart {
    /// Reads the content. Mistakes go to the reader's log.
    package init(from reader: inout ObjectReader) {
        self.init()
        readKeys(&reader)
        reader.finish()
    }

    init(reading reader: ObjectReader) {
        var reader = reader
        self.init(from: &reader)
    }

    mutating func readKeys(_ reader: inout ObjectReader) {
        for key in Self.keys { key.read(&self, &reader) }
    }

    /// The content as it is written.
    package func toJSON() -> JSONValue {
        var members: [String: JSONValue] = [:]
        for key in Self.keys { members[key.name] = key.write(self) }
        return .object(members)
    }

    /// All keys, in place of a part those of the part.
    package static var descriptions: [KeyDescription] {
        let defaults = Self()
        return keys.flatMap { key in
            if !key.nested.isEmpty { return key.nested }
            let shown = key.shownDefault ?? key.write(defaults).map { "`\($0.canonicalText)`" } ?? "none"
            return [
                KeyDescription(
                    path: [key.name], type: key.type, shownDefault: shown, meaning: key.meaning, effect: key.effect)
            ]
        }
    }
}
