// Text as a shell reads it, for the commands that messages name.

/// Quoting for commands that people copy into a shell.
package enum ShellText {
    /// The text as one word of a POSIX shell: bare when it is harmless, else in single quotes.
    package static func word(_ text: String) -> String {
        if !text.isEmpty, text.utf8.allSatisfy(isHarmless) { return text }
        return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    private static func isHarmless(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || "/._-+:@".utf8.contains(byte)
    }
}
