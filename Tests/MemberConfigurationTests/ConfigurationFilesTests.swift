// Tests of settings.json, static-data.json, debug.json and www.json.

import JSON
import MemberConfiguration
import OperatingSystem
import Testing
import Transport

@Suite("Other configuration files")
struct ConfigurationFilesTests {
    @Test("Settings have the documented defaults")
    func settingsDefaults() throws {
        let settings = try SettingsConfiguration.accepted("{}")
        #expect(settings.loginsEnabled && settings.sessionsEnabled && settings.urls.isEmpty)
        #expect(!settings.forceIndirect)
        #expect(settings.updateInterval == .seconds(30) && settings.reconcileInterval == .seconds(60))
        #expect(settings.storeMapGiB == 1024)
    }

    @Test("Settings are read, written and read again to the same value")
    func settingsRoundTrip() throws {
        var settings = try SettingsConfiguration.accepted(
            #"""
            {"loginsEnabled": false, "sessionsEnabled": false, "updateIntervalSeconds": 1, "storeMapGiB": 16384,
             "urls": ["https://a", "https://b:1"], "reconcileIntervalSeconds": 3600, "forceIndirect": true}
            """#)
        #expect(settings.urls == ["https://a:3300", "https://b:1"] && settings.forceIndirect)
        #expect(try SettingsConfiguration.accepted(settings.toJSON().prettyText) == settings)
        // The version before, which does not know it, refuses the key.
        #expect(SettingsConfiguration().toJSON()["draining"] == nil)
        settings.draining = true
        #expect(try SettingsConfiguration.accepted(settings.toJSON().prettyText).draining)
    }

    @Test("What is said of metrics is written only where it is not at its default")
    func metrics() throws {
        var settings = try SettingsConfiguration.accepted("{}")
        #expect(settings.metrics == .cluster && settings.scripts.metricsAs == .unit)
        #expect(settings.scripts.metricTimeLimit == .seconds(10))
        settings.scripts.timeLimitMilliseconds = 100
        let written = settings.toJSON()
        #expect(written["metrics"] == nil && written["scripts"]?["timeLimitMilliseconds"] == 100)
        #expect(written["scripts"]?["metricTimeLimitSeconds"] == nil && written["scripts"]?["metricsAs"] == nil)
        #expect(settings.scripts.metricsPrograms.isEmpty && written["scripts"]?["metricsPrograms"] == nil)
        settings.scripts.metricsPrograms = ["/usr/bin/id", "/bin/sh"]
        settings.metrics = .off
        settings.scripts.metricsAs = .ownUser
        settings.scripts.metricTimeLimitSeconds = 300
        #expect(try SettingsConfiguration.accepted(settings.toJSON().prettyText) == settings)
        #expect(
            SettingsConfiguration.mistakes(#"{"metrics": "on"}"#) == [
                #"config/settings.json: metrics: "on" is not allowed; allowed: "cluster", "local" or "off""#
            ])
    }

    @Test(
        "Settings out of range are refused",
        arguments: [
            #"{"scripts": {"metricTimeLimitSeconds": 0}}"#, #"{"scripts": {"metricTimeLimitSeconds": 301}}"#,
            #"{"scripts": {"metricsPrograms": ["id"]}}"#, #"{"scripts": {"metricsPrograms": "/usr/bin/id"}}"#,
            #"{"scripts": {"metricsAs": "root"}}"#, #"{"metrics": true}"#,
            #"{"updateIntervalSeconds": 0}"#, #"{"updateIntervalSeconds": 61}"#, #"{"storeMapGiB": 16385}"#,
            #"{"reconcileIntervalSeconds": 3601}"#, #"{"urls": ["http://a"]}"#,
            #"{"urls": ["https://a", "https://a:3300"]}"#,
            #"{"loginsEnabled": null}"#, #"{"forceIndirect": "no"}"#, #"{"urls": {}}"#, "[]", "3",
        ])
    func settingsMistake(text: String) {
        #expect(SettingsConfiguration.mistakes(text).count == 1)
    }

    @Test("Static data is any object up to 64 KiB")
    func staticData() throws {
        let data = try StaticDataConfiguration.accepted(#"{"gpu": true, "users": ["a", {"b": null}]}"#)
        #expect(data.object["gpu"] == true)
        #expect(try StaticDataConfiguration.accepted(data.toJSON().prettyText) == data)
        #expect(StaticDataConfiguration.mistakes("[1]").count == 1)
        // {"a":""} has 8 bytes besides the text.
        let fitting = String(repeating: "x", count: 65536 - 8)
        #expect(StaticDataConfiguration.mistakes("{\"a\":\"\(fitting)\"}").isEmpty)
        #expect(
            StaticDataConfiguration.mistakes("{\"a\":\"\(fitting)x\"}") == [
                "config/static-data.json: an object of 65537 bytes is not allowed; "
                    + "allowed: at most 65536 bytes (as compact JSON)"
            ])
    }

    @Test("Debug topics are accepted by title and by slug, and written by title")
    func debug() throws {
        let debug = try DebugConfiguration.accepted(#"{"topics": ["Cluster Database", "cluster-communication"]}"#)
        #expect(debug.topics == [.clusterDatabase, .clusterCommunication])
        #expect(debug.toJSON().canonicalText == #"{"topics":["Cluster Communication","Cluster Database"]}"#)
        #expect(DebugTopic.allCases.allSatisfy { DebugTopic(name: $0.title) == $0 && DebugTopic(name: $0.slug) == $0 })
        let lines = DebugConfiguration.mistakes(#"{"topics": ["Cluster", 1]}"#)
        #expect(lines.count == 2)
        #expect(
            lines[0].hasPrefix(
                #"config/debug.json: topics[0]: "Cluster" is not allowed; allowed: "Cluster Communication""#))
    }

    @Test(
        "A listen address is host and port, IPv6 in brackets",
        arguments: [
            ("0.0.0.0:3300", "0.0.0.0", 3300), ("[::]:0", "::", 0), ("localhost:65535", "localhost", 65535),
            ("127.0.0.2:443", "127.0.0.2", 443),
        ])
    func listen(text: String, host: String, port: Int) throws {
        let web = try WebConfiguration.accepted("{\"listen\": \"\(text)\"}")
        #expect(web.listen == HostAndPort(host: host, port: port))
        #expect(try WebConfiguration.accepted(web.toJSON().prettyText) == web)
        #expect(web.certificate == "certificate.pem" && web.key == "key.pem")
    }

    @Test(
        "Mistakes in www.json are refused",
        arguments: [
            #"{"listen": "3300"}"#, #"{"listen": ":3300"}"#, #"{"listen": "::1:3300"}"#, #"{"listen": "a"}"#,
            #"{"listen": "a:65536"}"#, #"{"listen": 3300}"#, #"{"certificate": ""}"#, #"{"key": "a/"}"#,
            #"{"kye": "a"}"#,
        ])
    func webMistake(text: String) {
        #expect(WebConfiguration.mistakes(text).count == 1)
    }
}
