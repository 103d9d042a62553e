// Text that no message, log line or dump shows.
import JSON

/// A secret as it stands in a file. It prints as `(hidden)`, whatever it is a part of.
package struct SecretText: Sendable, Hashable {
    /// The secret itself. For the code that uses or writes it, never for messages.
    package let revealed: String

    /// Takes the text as it stands in the file.
    package init(_ revealed: String) {
        self.revealed = revealed
    }
}

extension SecretText: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { ShownText.hidden }
    package var debugDescription: String { ShownText.hidden }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
