// What is wrong with a text that is not JSON, and where.

/// A text that is not JSON. It never repeats the text itself, which may hold a secret.
package struct JSONSyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was expected and not found.
    package let message: String

    /// The line, from 1.
    package let line: Int

    /// The character in that line, from 1.
    package let column: Int

    /// Place and reason in one line. Which text it is about is for the caller to say before it.
    package var description: String { "line \(line), column \(column): \(message)" }

    /// For a place that was counted already; line and column begin with 1.
    package init(message: String, line: Int, column: Int) {
        self.message = message
        self.line = line
        self.column = column
    }

    /// Counts lines and characters up to `offset`.
    package init(_ message: String, offset: Int, in bytes: [UInt8]) {
        let before = bytes.prefix(offset)
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let isContinuation = { (byte: UInt8) in byte & 0b1100_0000 == 0b1000_0000 }
        self.message = message
        self.line = before.count { $0 == UInt8(ascii: "\n") } + 1
        self.column = before[lineStart...].count { !isContinuation($0) } + 1
    }
}
