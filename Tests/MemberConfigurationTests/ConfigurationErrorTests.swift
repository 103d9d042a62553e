// Tests of messages: one line each, all mistakes at once, no secrets.

import JSON
import MemberConfiguration
import Testing

@Suite("Configuration errors")
struct ConfigurationErrorTests {
    @Test("An error names file, key path, value and what is allowed, on one line")
    func line() {
        let text =
            #"{"databaseConnections": [{"url": "https://a"}, {"url": "https://b", "options": {"timeout": "abc"}}]}"#
        let expected =
            #"config/cluster.json: databaseConnections[1].options.timeout: "abc" is not allowed; "#
            + "allowed: a whole number of milliseconds, 100 to 600000"
        #expect(ClusterConfiguration.mistakes(text) == [expected])
    }

    @Test("All mistakes of a file are reported at once")
    func allMistakes() {
        let lines = SettingsConfiguration.mistakes(
            #"{"loginsEnabled": "yes", "updateIntervalSeconds": 61, "storeMapGiB": 0.5, "urls": "x", "colour": 1}"#)
        #expect(lines.count == 5)
    }

    @Test("An unknown key is refused with the known ones, and the nearest is suggested")
    func unknownKey() {
        let lines = SettingsConfiguration.mistakes(#"{"sesionsEnabled": true}"#)
        let known =
            "loginsEnabled, sessionsEnabled, draining, forceIndirect, updateIntervalSeconds, storeMapGiB, "
            + "reconcileIntervalSeconds, probeIntervalSeconds, urls, runtimeDirectory, logins, sessions, scripts, "
            + "metrics"
        let expected =
            #"config/settings.json: sesionsEnabled: "sesionsEnabled" is not a known key; known keys: \#(known); "#
            + #"did you mean "sessionsEnabled"?"#
        #expect(lines == [expected])
        #expect(SettingsConfiguration.mistakes(#"{"frobnicate": 1}"#).allSatisfy { !$0.contains("did you mean") })
    }

    @Test(
        "Only a near word is suggested",
        arguments: [
            ("timout", "timeout"), ("TIMEOUT", "timeout"), ("timeouts", "timeout"), ("xx", nil), ("cs", "ca"),
            ("time", nil),
        ])
    func suggestion(word: String, expected: String?) {
        #expect(Suggestion.nearest(to: word, among: ["ca", "timeout", "keepAlive"]) == expected)
    }

    @Test("A malformed file is reported with line and column")
    func malformed() {
        let lines = DebugConfiguration.mistakes("{\n  \"topics\": [,]\n}")
        #expect(lines.count == 1)
        #expect(lines[0].hasPrefix("config/debug.json: not valid JSON: line 2, column 14: "))
    }

    @Test("A value cannot break or disguise its line")
    func oneLine() {
        let lines = WebConfiguration.mistakes(#"{"listen": "a\u0085b\u2028c\u202ed\ne", "x\ny": 1}"#)
        #expect(lines.count == 2)
        #expect(lines[0].contains(#""a\u0085b\u2028c\u202ed\ne""#))
        #expect(lines.allSatisfy { !$0.contains(where: \.isNewline) })
    }

    @Test("Further mistakes are counted when there are too many")
    func tooMany() {
        let members = (0..<150).map { "\"unknown\($0)\": 1" }.joined(separator: ",")
        let lines = SettingsConfiguration.mistakes("{\(members)}")
        #expect(lines.count == 101)
        #expect(lines.last == "50 more mistakes are not listed")
    }

    @Test(
        "A secret is in no message, wherever it was written",
        arguments: [
            #"{"keys": "SECRET"}"#, #"{"keys": ["SECRET"]}"#, #"{"keys": {"SECRET": 1}}"#, #""SECRET""#,
            #"{"keys": [{"secret": "SECRET"}]}"#, #"{"keys": [{"secret": ["SECRET"]}]}"#, #"{"keys": [{"SECRET": 1}]}"#,
            #"{"databaseConnections": [{"url": "https://u:SECRET@a"}]}"#, #"{"databaseConnections": ["SECRET"]}"#,
            #"{"databaseConnections": [{"url": "https://a", "options": "SECRET"}]}"#,
            #"{"databaseConnections": [{"url": "https://a", "options": {"passphrase": ["SECRET"]}}]}"#,
            #"{"databaseConnections": [{"url": "https://a", "options": {"key": "-----BEGIN SECRET"}}]}"#,
            #"{"databaseConnections": [{"url": "https://a", "options": {"cert": "-----BEGIN PRIVATE KEY-SECRET"}}]}"#,
            #"{"databaseConnections": [{"url": "https://a", "options": {"pfx": "SECRET"}}]}"#,
            #"{"keys": [{"secret": "x", "secret": "SECRET"}]}"#, #"{"keys": [{"secret": "SECRET"#,
        ])
    func secrets(text: String) {
        let secret = String(repeating: "Geheim!", count: 8)
        let lines = ClusterConfiguration.mistakes(text.replacing("SECRET", with: secret))
        #expect(!lines.isEmpty)
        #expect(lines.allSatisfy { !$0.contains("Geheim!") }, "\(lines)")
    }

    @Test("A secret does not print, whatever it is a part of")
    func printing() throws {
        let pem = "-----BEGIN PRIVATE KEY-----\\nabc\\n-----END PRIVATE KEY-----"
        let cluster = try ClusterConfiguration.accepted(
            #"""
            {"keys": [{"secret": "\#(testSecret)"}], "databaseConnections": [{"url": "https://a",
             "options": {"cert": "c.pem", "key": "\#(pem)", "passphrase": "sesame"}}]}
            """#)
        var dumped = ""
        dump(cluster, to: &dumped)
        for text in ["\(cluster)", String(reflecting: cluster), dumped] {
            #expect(!text.contains("5a5a") && !text.contains("abc") && !text.contains("sesame"), "\(text)")
            #expect(text.contains("(hidden)"))
        }
    }
}
