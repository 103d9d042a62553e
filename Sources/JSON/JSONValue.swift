// The JSON value: what every configuration file and every printed record is made of.

/// One JSON value.
///
/// Integers keep all 64 bits; every other number is a `Double`. Objects have no order: text made from them is sorted.
package indirect enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// What the parser makes of every whole number that fits, whatever it is written like: of 30.0 too.
    case integer(Int64)
    /// Any other number; always finite where the parser made it.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Reads one JSON text (RFC 8259, UTF-8). The error names line and column.
    ///
    /// A key that occurs twice in one object is an error: other parsers disagree on which of the two counts.
    package static func parse(_ bytes: some Collection<UInt8>) throws(JSONSyntaxError) -> JSONValue {
        var parser = JSONParser(bytes: Array(bytes))
        return try parser.parseDocument()
    }

    /// Reads one JSON text.
    package static func parse(_ text: String) throws(JSONSyntaxError) -> JSONValue {
        try parse(text.utf8)
    }

    /// What the value is, for a message: `a string`, `an object`.
    package var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }

    /// The member of an object; nil when there is none, or when this is not an object.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[key]
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// A literal in quotes is a string.
    package init(stringLiteral value: String) { self = .string(value) }
    /// The words `true` and `false` are booleans.
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    /// A literal of digits alone is an integer.
    package init(integerLiteral value: Int64) { self = .integer(value) }
    /// A literal with a point is a number, also where it is whole: the parser makes the integer 1 of the text 1.0.
    package init(floatLiteral value: Double) { self = .number(value) }
    /// A literal in brackets is a list.
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    /// A key that is written twice keeps its last value.
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
}
