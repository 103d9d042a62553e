// What came of one call of a script.

/// An error that a script threw, or that its text has.
package struct ScriptError: Sendable, Equatable {
    /// What was thrown, without its class: what the user is shown.
    package let message: String
    /// `TypeError`; nil where no `Error` was thrown.
    package let className: String?
    /// In the administrator's own text, from 1; nil where the error does not tell.
    package let line: Int?
    /// From 1, in UTF-16 units as Node counts; nil where the error does not tell.
    package let column: Int?
    /// The calls that led to it, one a line; nil where the error does not tell.
    package let stack: String?

    package init(
        message: String, className: String? = nil, line: Int? = nil, column: Int? = nil, stack: String? = nil
    ) {
        self.message = message
        self.className = className
        self.line = line
        self.column = column
        self.stack = stack
    }

    /// ` (TypeError, line 3, column 14)`; empty where nothing of it is known.
    package var place: String {
        let parts = [className, line.map { "line \($0)" }, column.map { "column \($0)" }].compactMap(\.self)
        return parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
    }
}

/// Why a call has no answer: the process that ran it was ended, or ended, or cannot be believed any more.
package enum ScriptFailure: Sendable, Equatable {
    /// It took longer than it may, in milliseconds.
    case tooSlow(limitMilliseconds: Int)
    /// It was ended for lack of memory; it may have so many MiB.
    case tooLarge(limitMiB: Int)
    /// It made a function outside of its own scope, and with that could answer in the place of other scripts.
    case leftScope
    /// Anything else, as it was seen: "its process was ended by signal 11".
    case crashed(String)
}

/// What a function of the chain answered.
package enum ScriptOutcome: Sendable, Equatable {
    /// A text, which should be a server id.
    case server(String)
    /// The next list: numbers of candidates in the order in which the function returned them.
    ///
    /// - `changedCount`: How many of them the function has changed, or made anew.
    case list([Int], changedCount: Int)
    /// Nothing: the next function is asked with the same list.
    case next
    /// Something that is no answer: "the number 3".
    case wrong(String)
    /// A list with an element that is no candidate.
    case wrongElement(index: Int, what: String)
    /// An error.
    case threw(ScriptError)
    /// No answer came.
    case unanswered(ScriptFailure)
}

/// One call, with what is kept of it.
package struct ScriptCall: Sendable, Equatable {
    package let outcome: ScriptOutcome
    /// How long the function ran.
    package let milliseconds: Double
    /// The heap of its process afterwards, in bytes; nil where it did not tell.
    package let heapByteCount: Int?
    /// What it wrote with `console`, line by line.
    package let console: [String]

    package init(_ outcome: ScriptOutcome, milliseconds: Double, heapByteCount: Int? = nil, console: [String] = []) {
        self.outcome = outcome
        self.milliseconds = milliseconds
        self.heapByteCount = heapByteCount
        self.console = console
    }
}
