// What the agent requires of a user's report before it keeps it.
import OperatingSystem

/// The form of session ids: 128 random bits as 32 lower-case hexadecimal digits.
enum SessionID {
    static let byteCount = 16

    static func make() -> String { RandomText.make(byteCount: byteCount) }

    static func isValid(_ text: String) -> Bool {
        text.utf8.count == 2 * byteCount
            && text.utf8.allSatisfy { $0.isASCIIDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) }
    }
}

extension SessionReport {
    /// A colon and a number.
    private static func isDisplay(_ text: String) -> Bool {
        (2...6).contains(text.utf8.count) && text.utf8.first == UInt8(ascii: ":")
            && text.utf8.dropFirst().allSatisfy(\.isASCIIDigit)
    }

    /// Throws when the report cannot come from a steward that keeps the rules.
    func check() throws(SystemError) {
        guard SessionID.isValid(id) else { throw .malformed(subject: "a report", detail: "its id is not 32 digits") }
        guard clients >= 0, cpuPercent.isFinite, cpuPercent >= 0 else {
            throw .malformed(subject: "a report", detail: "it has a negative number")
        }
        guard (try? SessionStart.validate(name: name)) != nil else {
            throw .malformed(subject: "a report", detail: "its name breaks the rules")
        }
        guard display.map(Self.isDisplay) ?? true else {
            throw .malformed(subject: "a report", detail: "its display is not a display's name")
        }
    }
}
