// The configuration that is the cluster's: names, texts and chains, and what is said of those that may not be.
import Foundation
import JSON
import MemberConfiguration
import Replica
import Testing

@Suite("Configuration of the cluster")
struct GlobalConfigurationTests {
    private func mistakes(_ bytes: [UInt8], of name: GlobalName) -> [String] {
        do {
            _ = try GlobalValue.parse(bytes, of: name)
            return []
        } catch {
            return error.lines
        }
    }

    private func placement(_ text: String) throws -> PlacementConfiguration {
        guard case .placement(let placement) = try GlobalValue.parse(Array(text.utf8), of: .placement) else {
            Issue.record("\(text) is no placement")
            return PlacementConfiguration()
        }
        return placement
    }

    @Test(
        "A name is read as people type it, and as the map has it",
        arguments: [
            ("scripts/Needs GPU", GlobalName.script("Needs GPU")), ("config/scripts/a", .script("a")),
            ("metrics/größe.1", .metric("größe.1")), ("placement", .placement), ("config/placement", .placement),
        ])
    func names(text: String, name: GlobalName) throws {
        #expect(try GlobalName.parse(text) == name)
        #expect(GlobalName.read(name.key.description) == .name(name))
        #expect(try Key(name.key.description) == name.key)
    }

    @Test(
        "A name that no script may have is a mistake with what is allowed",
        arguments: [
            "", " a", "a ", "a/b", "a\nb", "\u{7F}", "a\u{202E}b", String(repeating: "x", count: 81),
            String(repeating: "👩‍👩‍👧‍👦", count: 80),
        ])
    func badNames(name: String) throws {
        for kind in ["scripts", "metrics"] {
            guard case .mistake(let errors) = GlobalName.read("\(kind)/\(name)") else {
                Issue.record("\(name) is taken for a name")
                continue
            }
            let line = try #require(errors.lines.first)
            #expect(line.contains("allowed: 1 to 80 characters on one line") && !line.contains("\n"))
        }
        #expect(GlobalName.isAllowed(String(repeating: "x", count: 80)))
    }

    @Test("A name of no kind that is known is told with those that are, and the one that was meant")
    func unknownNames() {
        #expect(GlobalName.read("config/motd") == .unknown)
        #expect(GlobalName.read("jobs") == .unknown)
        do {
            _ = try GlobalName.parse("script/x")
            Issue.record("script/x was taken")
        } catch {
            #expect(
                error.lines == [
                    """
                    the cluster's configuration: "script/x" is not allowed; allowed: "scripts/NAME", "metrics/NAME" or \
                    "placement"; did you mean "scripts"?
                    """
                ])
        }
    }

    @Test("A text is JavaScript in UTF-8 of up to 64 KiB, and nothing else")
    func texts() throws {
        let name = GlobalName.script("a")
        #expect(try GlobalValue.parse(Array("() => null\n".utf8), of: name) == .text("() => null\n"))
        #expect(mistakes([UInt8](repeating: 0x20, count: 65_535) + [0x31], of: name).isEmpty)
        let allowed = "JavaScript text in UTF-8 of 1 to 65536 bytes, not blanks alone"
        for (bytes, found) in [
            ([UInt8](repeating: 0x31, count: 65_537), "a text of 65537 bytes"), ([0xFF], "a text that is not UTF-8"),
            ([0x31, 0, 0x32], "a zero byte at byte 2"), ([], "an empty text"), (Array(" \n".utf8), "an empty text"),
        ] {
            #expect(mistakes(bytes, of: name) == ["config/scripts/a: \(found) is not allowed; allowed: \(allowed)"])
        }
    }

    @Test("Chains have defaults, and each mistake is named with its place")
    func chains() throws {
        #expect(try placement("{}") == PlacementConfiguration())
        #expect(PlacementConfiguration().showLoginErrors)
        let full = try placement(#"{"start": ["Needs GPU", "b"], "login": ["b"], "showLoginErrors": false}"#)
        #expect(full.start == ["Needs GPU", "b"] && full.login == ["b"] && !full.showLoginErrors)
        #expect(try placement(full.toJSON().prettyText) == full)
        #expect(
            mistakes(Array(#"{"start": ["a", 7, "b/c"], "logins": []}"#.utf8), of: .placement).map {
                $0.components(separatedBy: "; allowed")[0]
            } == [
                "config/placement: start[1]: 7 is not allowed", #"config/placement: start[2]: "b/c" is not allowed"#,
                """
                config/placement: logins: "logins" is not a known key; known keys: start, login, showLoginErrors; did you \
                mean "login"?
                """,
            ])
        #expect(mistakes(Array("{".utf8), of: .placement).first?.hasPrefix("config/placement: not valid JSON") == true)
    }

    @Test("A script that a chain names and nobody has is named with its place, and the one that was meant")
    func missingScripts() throws {
        var configuration = GlobalConfiguration([.script("Needs GPU"): .text("() => 1")])
        configuration.placement.start = ["Needs GPU", "Least loaded"]
        #expect(configuration.missingScripts(predefined: ["Least loaded"]) == nil)
        configuration.placement.login = ["Need GPU"]
        let errors = try #require(configuration.missingScripts(predefined: ["Least loaded"]))
        #expect(
            errors.lines == [
                """
                config/placement: login[0]: there is no script "Need GPU"; write it as "scripts/Need GPU", or take the \
                name out; did you mean "Needs GPU"?
                """
            ])
        #expect(configuration.missingScripts(predefined: [])?.lines.count == 2)
    }
}
