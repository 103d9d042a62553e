// Text that no message, log line or dump shows.
import JSON

/// A secret as it stands in a file. It prints as `(hidden)`, whatever it is a part of.
struct SecretText: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The secret itself. For the code that uses or writes it, never for messages.
    let revealed: String

    init(_ revealed: String) {
        self.revealed = revealed
    }

    var description: String { ShownText.hidden }
    var debugDescription: String { ShownText.hidden }
    var customMirror: Mirror { Mirror(self, children: []) }
}
