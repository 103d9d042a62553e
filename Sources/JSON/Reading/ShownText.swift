// How values and names from a file appear in messages: on one line, short, and never a secret.

/// Values and key names as they may be shown in an error, a warning or the log.
package enum ShownText {
    /// Longer values are cut.
    package static let valueCharacterCountMax = 80

    /// A longer name is not shown: someone may have written a secret where a key belongs.
    package static let keyNameCharacterCountMax = 40

    /// What stands for a value that is not shown.
    package static let hidden = "(hidden)"

    /// A value on one line. Lists and objects are only named: what is inside has not been looked at.
    package static func value(_ value: JSONValue, isSecret: Bool = false) -> String {
        switch value {
        case .null, .bool, .array, .object:
            return isPlain(value) ? value.canonicalText : value.kindName
        case .integer, .number:
            return isSecret ? hidden : value.canonicalText
        case .string(let text):
            return isSecret || mayHoldSecret(text) ? hidden : quoted(text)
        }
    }

    /// A string in quotes, cut, with everything escaped that could break or disguise a line of the log.
    package static func quoted(_ text: String) -> String {
        let isCut = text.count > valueCharacterCountMax
        let shown = isCut ? String(text.prefix(valueCharacterCountMax)) : text
        return oneLine(JSONValue.canonicalString(shown)) + (isCut ? "..." : "")
    }

    /// The name of a key, in quotes.
    package static func keyName(_ name: String) -> String {
        let isShown = name.count <= keyNameCharacterCountMax
        return isShown ? quoted(name) : "(a name of \(name.count) characters)"
    }

    /// Escapes control, format and separator characters.
    package static func oneLine(_ text: String) -> String {
        // Most is: a line of the log for each request.
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return text }
        var line = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: line += JSONValue.escape(scalar)
            default: line.unicodeScalars.append(scalar)
            }
        }
        return line
    }

    private static func isPlain(_ value: JSONValue) -> Bool {
        switch value {
        case .null, .bool: true
        default: false
        }
    }

    /// A private key in the wrong place, or a URL with a password in it.
    private static func mayHoldSecret(_ text: String) -> Bool {
        text.contains("PRIVATE KEY") || text.contains("@")
    }
}
