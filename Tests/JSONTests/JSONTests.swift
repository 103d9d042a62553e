// Tests of JSON values: the strict parser, canonical text, text for files.

import FoundationEssentials
import JSON
import Testing

@Suite("JSON values")
struct JSONTests {
    @Test(
        "A text that is not JSON is refused with line and column",
        arguments: [
            ("", "line 1, column 1"), ("{\n  \"a\": tru\n}", "line 2, column 8"), ("{\"a\" 1}", "line 1, column 6"),
            ("[1,]", "line 1, column 4"), ("{\"a\":1,}", "line 1, column 8"), ("[1 2]", "line 1, column 4"),
            ("{} x", "line 1, column 4"), ("[01]", "line 1, column 2"), ("[1.]", "line 1, column 4"),
            ("[1e]", "line 1, column 4"), ("[-]", "line 1, column 3"), ("[1e400]", "line 1, column 2"),
            ("['a']", "line 1, column 2"), ("[\"äö\" x]", "line 1, column 7"), ("\"abc", "line 1, column 1"),
            ("[\"a\nb\"]", "line 1, column 4"), ("\"\\q\"", "line 1, column 2"), ("\"\\u12g4\"", "line 1, column 4"),
            ("\"\\ud800\"", "line 1, column 2"), ("\"\\ud800\\u0041\"", "line 1, column 2"),
            ("{\"a\":1,\n \"b\":2, \"a\":3}", "line 2, column 9"), ("// x\n{}", "line 1, column 1"),
            ("nul", "line 1, column 1"),
            ("\"\\", "line 1, column 2"), ("\"\\u", "line 1, column 4"), ("{\"a\":", "line 1, column 6"),
        ])
    func malformed(text: String, place: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONValue.parse(text) }
        do {
            _ = try JSONValue.parse(text)
        } catch {
            #expect(error.description.hasPrefix(place + ": "), "\(error)")
        }
    }

    @Test("Bytes that are not UTF-8 are refused")
    func notUTF8() {
        #expect(throws: JSONSyntaxError.self) { try JSONValue.parse([0x22, 0xFF, 0x22]) }
        #expect(throws: JSONSyntaxError.self) { try JSONValue.parse([0xFF, 0xFE, 0x7B, 0x00, 0x7D, 0x00]) }
    }

    @Test("Nesting has a limit")
    func depth() throws {
        let atLimit = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(throws: Never.self) { try JSONValue.parse(atLimit) }
        #expect(throws: JSONSyntaxError.self) { try JSONValue.parse(String(repeating: "[", count: 1_000_000)) }
    }

    @Test("Every cut of a text is refused and none crashes")
    func truncation() throws {
        let text = Array(#"{"a": [1, -2.5e+3, true, null, "\u00e9\ud83d\ude00\n"], "b": {"c": false}}"#.utf8)
        #expect(throws: Never.self) { try JSONValue.parse(text) }
        for count in 0..<text.count {
            #expect(throws: JSONSyntaxError.self) { try JSONValue.parse(text.prefix(count)) }
        }
    }

    @Test("A byte order mark and space around the value are ignored")
    func byteOrderMark() throws {
        #expect(try JSONValue.parse("\u{FEFF} \r\n\t{} \n") == [:])
    }

    @Test(
        "Numbers keep 64 bits when whole, and have the shortest text otherwise",
        arguments: [
            ("0", "0"), ("-0", "0"), ("1.0", "1"), ("1e2", "100"), ("9223372036854775807", "9223372036854775807"),
            ("-9223372036854775808", "-9223372036854775808"), ("9223372036854775808", "9223372036854776000"),
            ("0.1", "0.1"), ("-2.50", "-2.5"), ("1e21", "1e+21"), ("1e20", "100000000000000000000"),
            ("1.2345678901234568e25", "1.2345678901234568e+25"), ("0.000001", "0.000001"), ("1e-7", "1e-7"),
            ("-1.5e-9", "-1.5e-9"), ("123456.789", "123456.789"), ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("333333333.33333329", "333333333.3333333"), ("1E30", "1e+30"), ("4.50", "4.5"), ("2e-3", "0.002"),
            ("0.000000000000000000000000001", "1e-27"),
        ])
    func numbers(text: String, canonical: String) throws {
        #expect(try JSONValue.parse(text).canonicalText == canonical)
    }

    @Test("The text of any number reads back as the same number")
    func numberRoundTrip() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            let number = Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &generator))
            guard number.isFinite else { continue }
            #expect(Double(JSONValue.number(number).canonicalText) == number)
        }
    }

    @Test("Canonical text sorts keys by UTF-16 and escapes only what RFC 8785 escapes")
    func canonical() throws {
        let keys = ["\u{20ac}", "\r", "\u{fb33}", "1", "\u{1F600}", "\u{80}", "\u{f6}"]
        let value = JSONValue.object(Dictionary(uniqueKeysWithValues: keys.map { ($0, .null) }))
        let sorted = ["\"\\r\"", "\"1\"", "\"\u{80}\"", "\"\u{f6}\"", "\"\u{20ac}\"", "\"\u{1F600}\"", "\"\u{fb33}\""]
        #expect(value.canonicalText == "{" + sorted.map { $0 + ":null" }.joined(separator: ",") + "}")
        let text = "\u{20ac}$\u{0F}\u{0A}A'\u{42}\u{22}\u{5c}\\\"/\u{08}\u{0C}\t\r\u{7f}\u{2028}"
        #expect(JSONValue.canonicalString(text) == #""€$\u000f\nA'B\"\\\\\"/\b\f\t\r"# + "\u{7f}\u{2028}\"")
    }

    @Test("Text for files is indented, sorted, ends with a line break, and reads back")
    func pretty() throws {
        let value: JSONValue = ["b": [1, [:], []], "a": ["x": true]]
        let expected = """
            {
              "a": {
                "x": true
              },
              "b": [
                1,
                {},
                []
              ]
            }

            """
        #expect(value.prettyText == expected)
        #expect(try JSONValue.parse(expected) == value)
    }

    @Test("A value survives Foundation's coders")
    func codable() throws {
        let value: JSONValue = ["a": [1, 2.5, true, .null, "x", -9_223_372_036_854_775_808], "b": ["c": "\u{1F600}"]]
        let data = try JSONEncoder().encode(value)
        #expect(try JSONDecoder().decode(JSONValue.self, from: data) == value)
        #expect(try JSONValue.parse(data) == value)
    }
}
