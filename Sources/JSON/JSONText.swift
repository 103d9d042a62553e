// Text of JSON values: canonical (RFC 8785) for records, indented for files.

extension JSONValue {
    /// Compact text in which equal values have equal bytes (RFC 8785).
    ///
    /// One departure: integers beyond 2^53 keep all their digits, where the RFC would round them to a `Double`.
    package var canonicalText: String {
        var text = ""
        appendCanonical(to: &text)
        return text
    }

    /// Text for a file: two spaces for each level, sorted keys, a line break at the end.
    package var prettyText: String {
        var text = ""
        appendPretty(to: &text, indentation: "")
        text.append("\n")
        return text
    }

    /// One string as canonical JSON, with its quotes.
    package static func canonicalString(_ string: String) -> String {
        var text = ""
        appendString(string, to: &text)
        return text
    }

    private func appendCanonical(to text: inout String) {
        switch self {
        case .array(let elements):
            text.append("[")
            for (index, element) in elements.enumerated() {
                if index > 0 { text.append(",") }
                element.appendCanonical(to: &text)
            }
            text.append("]")
        case .object(let members):
            text.append("{")
            for (index, member) in Self.sorted(members).enumerated() {
                if index > 0 { text.append(",") }
                Self.appendString(member.key, to: &text)
                text.append(":")
                member.value.appendCanonical(to: &text)
            }
            text.append("}")
        default:
            appendScalar(to: &text)
        }
    }

    private func appendPretty(to text: inout String, indentation: String) {
        let inner = indentation + "  "
        switch self {
        case .array(let elements) where !elements.isEmpty:
            for (index, element) in elements.enumerated() {
                text.append(index == 0 ? "[\n" : ",\n")
                text.append(inner)
                element.appendPretty(to: &text, indentation: inner)
            }
            text.append("\n\(indentation)]")
        case .object(let members) where !members.isEmpty:
            for (index, member) in Self.sorted(members).enumerated() {
                text.append(index == 0 ? "{\n" : ",\n")
                text.append(inner)
                Self.appendString(member.key, to: &text)
                text.append(": ")
                member.value.appendPretty(to: &text, indentation: inner)
            }
            text.append("\n\(indentation)}")
        default:
            appendCanonical(to: &text)
        }
    }

    private func appendScalar(to text: inout String) {
        switch self {
        case .null: text.append("null")
        case .bool(let flag): text.append(flag ? "true" : "false")
        case .integer(let integer): text.append(String(integer))
        case .number(let number): text.append(Self.numberText(number))
        case .string(let string): Self.appendString(string, to: &text)
        case .array, .object: appendCanonical(to: &text)
        }
    }

    /// Keys in the order of their UTF-16 units, as RFC 8785 has it.
    private static func sorted(_ members: [String: JSONValue]) -> [(key: String, value: JSONValue)] {
        members.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
    }

    private static func appendString(_ string: String, to text: inout String) {
        text.append("\"")
        defer { text.append("\"") }
        let isPlain = string.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        if isPlain { return text.append(string) }
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text.append("\\\"")
            case "\\": text.append("\\\\")
            case "\u{08}": text.append("\\b")
            case "\t": text.append("\\t")
            case "\n": text.append("\\n")
            case "\u{0C}": text.append("\\f")
            case "\r": text.append("\\r")
            case "\u{00}"..<"\u{20}": text.append(escape(scalar))
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    /// `\u` and four hexadecimal digits, of a scalar in the basic plane.
    package static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// A number as ECMAScript writes it: the shortest digits that give the same `Double`.
    ///
    /// An exponent stands from 1e21 upwards and below 1e-6.
    private static func numberText(_ number: Double) -> String {
        // JSON has no text for these; a reader of JSON never makes them.
        guard number.isFinite else { return "null" }
        guard number != 0 else { return "0" }
        let (digits, pointPosition) = shortestDigits(number.magnitude)
        let sign = number < 0 ? "-" : ""
        if pointPosition > 21 || pointPosition < -5 {
            let exponent = pointPosition - 1
            let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
            return "\(sign)\(digits.prefix(1))\(fraction)e\(exponent < 0 ? "-" : "+")\(abs(exponent))"
        }
        if pointPosition <= 0 {
            return sign + "0." + String(repeating: "0", count: -pointPosition) + digits
        }
        if pointPosition >= digits.count {
            return sign + digits + String(repeating: "0", count: pointPosition - digits.count)
        }
        return sign + digits.prefix(pointPosition) + "." + digits.dropFirst(pointPosition)
    }

    /// The shortest digits of a positive number, and how many of them stand before the decimal point.
    private static func shortestDigits(_ magnitude: Double) -> (digits: String, pointPosition: Int) {
        // Swift's description has the shortest digits too, in another layout: `1e-07`, `9007199254740992.0`.
        let parts = magnitude.description.split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let whole = mantissa[0]
        let all = whole + (mantissa.count > 1 ? mantissa[1] : "")
        let leadingZeroCount = all.prefix { $0 == "0" }.count
        var digits = String(all.dropFirst(leadingZeroCount))
        while digits.last == "0" { digits.removeLast() }
        return (digits, whole.count + exponent - leadingZeroCount)
    }
}
