// Tests of the declarations of keys: what the documentation says is what the reader does.

import Foundation
import JSON
import MemberConfiguration
import Testing

@Suite("Configuration keys")
struct ConfigurationSchemaTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func document(_ name: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent("docs/\(name)"), encoding: .utf8)
    }

    @Test("The tables in docs/configuration.md are the declarations")
    func documentation() throws {
        let lines = Set(try Self.document("configuration.md").split(separator: "\n").map(String.init))
        let keys =
            Configuration.files.flatMap { $0.descriptions } + ConnectionOptions.descriptions
            + PlacementConfiguration.descriptions
        for key in keys { #expect(lines.contains(key.row), "missing: \(key.row)") }
        let names = Set(keys.map { "\($0.place)" })
        let others: Set = ["secret", "scope", "name", "url", "options"]
        for line in lines where line.hasPrefix("| `") && !line.contains(".json`") {
            let name = String(line.dropFirst(3).prefix { $0 != "`" })
            #expect(names.contains(name) || others.contains(name), "no such key: \(line)")
        }
    }

    @Test("docs/operations.md names exactly the keys that wait for the next start")
    func waiting() throws {
        let waiting = Configuration.files.flatMap { file in
            file.descriptions.filter { $0.effect == .atStart }.map { "`\($0.place)` in `\(file.fileName)`" }
        }
        let text = try Self.document("operations.md").replacingOccurrences(of: "\n", with: " ")
        let start = try #require(text.range(of: "These keys wait for the next start: "))
        let list = text[start.upperBound...].prefix { $0 != ";" }
        #expect(list.components(separatedBy: ", ") == waiting)
    }

    @Test("What is written is read again", arguments: Configuration.files.map { $0.fileName })
    func roundTrip(name: String) throws {
        func check<File: ConfigurationFile>(_: File.Type) throws {
            #expect(try File.parse(File().text).content == File())
        }
        try check(try Configuration.file(named: name))
    }

    @Test("A whole number is judged by the range of its declaration")
    func ranges() throws {
        #expect(try WebConfiguration.accepted(#"{"limits": {"idleSeconds": 5}}"#).limits.idleSeconds == 5)
        #expect(
            WebConfiguration.mistakes(#"{"limits": {"idleSeconds": 4}}"#) == [
                "config/www.json: limits.idleSeconds: 4 is not allowed; "
                    + "allowed: a whole number of seconds, 5 to 3600"
            ])
    }
}
