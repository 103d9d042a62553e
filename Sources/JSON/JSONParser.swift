// The strict JSON parser: RFC 8259 in UTF-8, with positions, and without duplicate keys.
//
// Foundation's decoder reports no position on Linux and accepts a comma after the last element, so it cannot serve an
// administrator who looks for a mistake.

/// Reads one JSON text.
package struct JSONParser {
    /// Objects and lists within each other: the parser calls itself for each.
    package static let depthMax = 64

    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    /// Of one whole text. `JSONValue.parse` does all that most callers need.
    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The one value that the text is. To be called once. A byte order mark before it is passed over.
    ///
    /// - Throws: The first mistake, with its place. Of the text it repeats at most the name of a key that occurs twice.
    package mutating func parseDocument() throws(JSONSyntaxError) -> JSONValue {
        // A byte order mark is written by some editors; RFC 8259 lets a parser ignore it.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        skipSpace()
        guard position < bytes.count else { throw failure("the text is empty; a JSON value is expected") }
        let value = try parseValue()
        skipSpace()
        guard position == bytes.count else { throw failure("nothing is allowed after the end of the value") }
        return value
    }

    private mutating func parseValue() throws(JSONSyntaxError) -> JSONValue {
        switch current {
        case UInt8(ascii: "{"): return try nested { (parser) throws(JSONSyntaxError) in try parser.parseObject() }
        case UInt8(ascii: "["): return try nested { (parser) throws(JSONSyntaxError) in try parser.parseArray() }
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case UInt8(ascii: "-"): return try parseNumber()
        case nil: throw failure("the text ends where a value is expected")
        case let byte? where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte): return try parseNumber()
        default: throw failure("a value is expected: a string in double quotes, a number, true, false, null, [ or {")
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONSyntaxError) -> JSONValue
    ) throws(JSONSyntaxError) -> JSONValue {
        guard depth < Self.depthMax else { throw failure("more than \(Self.depthMax) levels of [ and {") }
        depth += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func parseObject() throws(JSONSyntaxError) -> JSONValue {
        position += 1
        var members: [String: JSONValue] = [:]
        skipSpace()
        if take("}") { return .object(members) }
        while true {
            skipSpace()
            let keyStart = position
            guard current == UInt8(ascii: "\"") else {
                throw failure("a key in double quotes is expected" + (members.isEmpty ? ", or }" : ""))
            }
            let key = try parseString()
            skipSpace()
            guard take(":") else { throw failure("a colon is expected after a key") }
            skipSpace()
            let value = try parseValue()
            guard members.updateValue(value, forKey: key) == nil else {
                throw failure("the key \(ShownText.keyName(key)) occurs twice in this object", at: keyStart)
            }
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw failure("a comma or } is expected") }
        }
    }

    private mutating func parseArray() throws(JSONSyntaxError) -> JSONValue {
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return .array(elements) }
        while true {
            skipSpace()
            elements.append(try parseValue())
            skipSpace()
            if take("]") { return .array(elements) }
            guard take(",") else { throw failure("a comma or ] is expected") }
        }
    }

    private mutating func parseWord(_ word: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
        let expected = Array(word.description.utf8)
        guard bytes[position...].starts(with: expected) else {
            throw failure("\(word) is expected (words are written in small letters, text in double quotes)")
        }
        position += expected.count
        return value
    }

    // MARK: Numbers

    private mutating func parseNumber() throws(JSONSyntaxError) -> JSONValue {
        let start = position
        var isWhole = true
        _ = take("-")
        let leadingZero = current == UInt8(ascii: "0")
        let wholeDigitCount = takeDigits()
        guard wholeDigitCount > 0 else { throw failure("a digit is expected") }
        guard !leadingZero || wholeDigitCount == 1 else {
            throw failure("a number does not start with 0 unless it is 0 or 0.something", at: start)
        }
        if take(".") {
            isWhole = false
            guard takeDigits() > 0 else { throw failure("a digit is expected after the decimal point") }
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            guard takeDigits() > 0 else { throw failure("a digit is expected in the exponent") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let integer = Int64(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { throw failure("the number is too large", at: start) }
        // `30` and `30.0` are one number in JSON; up to 2^53 a Double holds every integer.
        if abs(number) <= 9_007_199_254_740_992, let integer = Int64(exactly: number) { return .integer(integer) }
        return .number(number)
    }

    private mutating func takeDigits() -> Int {
        let start = position
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }

    // MARK: Strings

    private mutating func parseString() throws(JSONSyntaxError) -> String {
        let start = position
        position += 1
        var text: [UInt8] = []
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw failure("this string is not UTF-8", at: start)
                }
                return string
            case UInt8(ascii: "\\"):
                try parseEscape(into: &text)
            case 0..<0x20:
                throw failure(
                    "a line break, tab or other control character in a string is written as \\n, \\t or \\u00XX")
            default:
                text.append(byte)
                position += 1
            }
        }
        throw failure("the string that starts here has no end", at: start)
    }

    private mutating func parseEscape(into text: inout [UInt8]) throws(JSONSyntaxError) {
        let start = position
        position += 1
        let escaped = current
        position += 1
        switch escaped {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escaped ?? 0)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: try parseScalar(from: start).utf8)
        default: throw failure("\\ is followed by one of \" \\ / b f n r t u", at: start)
        }
    }

    private mutating func parseScalar(from start: Int) throws(JSONSyntaxError) -> String {
        let first = try parseUnit()
        var code = first
        if (0xD800..<0xDC00).contains(first), take("\\"), take("u") {
            let second = try parseUnit()
            // A second half outside its range leaves `code` a surrogate, which is refused below.
            if (0xDC00..<0xE000).contains(second) { code = 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00) }
        }
        guard let scalar = Unicode.Scalar(code) else {
            throw failure("half of a surrogate pair stands alone", at: start)
        }
        return String(Character(scalar))
    }

    private mutating func parseUnit() throws(JSONSyntaxError) -> UInt32 {
        let digits = bytes[min(position, bytes.count)...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let unit = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw failure("four hexadecimal digits are expected after \\u") }
        position += 4
        return unit
    }

    // MARK: Bytes

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func failure(_ message: String, at offset: Int? = nil) -> JSONSyntaxError {
        JSONSyntaxError(message, offset: min(offset ?? position, bytes.count), in: bytes)
    }
}
