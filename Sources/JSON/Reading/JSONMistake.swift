// What is wrong with the content of a JSON text: each mistake one line that names text, place, value and what is allowed.

/// One mistake in what a JSON text says.
package struct JSONMistake: Error, Sendable, Equatable, CustomStringConvertible {
    /// The text as whoever wrote it knows it: `config/cluster.json`, `the body`.
    package let document: String
    /// Where in it; the root for the text as a whole.
    package let place: JSONPlace
    /// What is wrong there.
    package let problem: Problem

    /// What can be wrong. Values in here are already fit to be shown: see `ShownText`.
    package enum Problem: Sendable, Equatable {
        /// The value is of the wrong type, or outside its range.
        case notAllowed(found: String, allowed: String)
        /// The value is understood and turned down for a reason.
        case refused(found: String, reason: String, allowed: String)
        /// Two settings that exclude each other. The text is a whole sentence.
        case contradiction(String)
        /// A key without which the text means nothing.
        case missing(allowed: String)
        /// Nobody reads this key. The name is fit to be shown; the suggestion is a known key that is spelt nearly so.
        case unknownKey(name: String, known: [String], suggestion: String?)
        /// A key that other programs know, and that has no meaning here; `kind` says whose it is.
        case unsupported(name: String, kind: String)
    }

    /// Text, place and problem in one line, for the log or for whoever sent the text.
    package var description: String { "\(place.prefix(for: document)): \(problem)" }
}

extension JSONMistake.Problem: CustomStringConvertible {
    /// What is wrong and what is allowed, to be put after the place.
    package var description: String {
        switch self {
        case .notAllowed(let found, let allowed):
            return "\(found) is not allowed; allowed: \(allowed)"
        case .refused(let found, let reason, let allowed):
            return "\(found) is refused: \(reason); allowed: \(allowed)"
        case .contradiction(let sentence):
            return sentence
        case .missing(let allowed):
            return "is required and missing; allowed: \(allowed)"
        case .unknownKey(let name, let known, let suggestion):
            let hint = suggestion.map { "; did you mean \"\($0)\"?" } ?? ""
            let keys = known.isEmpty ? "none" : known.joined(separator: ", ")
            return "\(name) is not a known key; known keys: \(keys)\(hint)"
        case .unsupported(let name, let kind):
            return "\(name) is \(kind) that is not supported here; remove it"
        }
    }
}

/// Something in a text that works, but not as its author may expect.
package struct JSONWarning: Sendable, Equatable, CustomStringConvertible {
    /// The text as whoever wrote it knows it: `config/cluster.json`, `the body`.
    package let document: String
    /// Where in it; the root for the text as a whole.
    package let place: JSONPlace
    /// A whole sentence that says why, and what to do.
    package let message: String

    /// Text, place and message in one line.
    package var description: String { "\(place.prefix(for: document)): \(message)" }
}
