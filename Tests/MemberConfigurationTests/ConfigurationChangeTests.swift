// Tests of the lines that tell what changed.

import JSON
import MemberConfiguration
import OperatingSystem
import Testing
import Transport
import Trust

@Suite("Configuration changes")
struct ConfigurationChangeTests {
    @Test("Equal configurations have no difference")
    func none() {
        #expect(ConfigurationChange(from: Configuration(), to: Configuration()).isEmpty)
    }

    @Test("Each difference is one line with file, key, old and new value")
    func lines() {
        var new = Configuration()
        new.settings.sessionsEnabled = false
        new.settings.urls = ["https://a:3300"]
        new.cluster.external = true
        new.staticData.object = ["gpu": true]
        new.debug.topics = [.clusterDatabase]
        new.web.listen = HostAndPort(host: "::", port: 3301)
        #expect(
            ConfigurationChange(from: Configuration(), to: new).lines == [
                "cluster.json: external: false -> true",
                "settings.json: sessionsEnabled: true -> false",
                #"settings.json: urls: [] -> ["https://a:3300"]"#,
                "static-data.json: gpu: absent -> true",
                "debug.json: Cluster Database: off -> on",
                #"www.json: listen: "0.0.0.0:3300" -> "[::]:3301""#,
            ])
    }

    @Test("A key that waits for the next start says so, and one within an object is named with its whole place")
    func waiting() {
        var new = Configuration()
        new.settings.storeMapGiB = 8
        new.settings.sessions.perUserMax = 5
        new.web.limits.idleSeconds = 7
        #expect(
            ConfigurationChange(from: Configuration(), to: new).lines == [
                "settings.json: storeMapGiB: 1024 -> 8; takes effect at the next start",
                "settings.json: sessions.perUserMax: 20 -> 5", "www.json: limits.idleSeconds: 60 -> 7",
            ])
    }

    @Test("Keys are only counted")
    func keys() {
        var (old, new) = (Configuration(), Configuration())
        old.cluster.keys = [KeyEntry(secret: SecretText(testSecret))]
        new.cluster.keys = [KeyEntry(secret: SecretText(otherTestSecret))]
        #expect(ConfigurationChange(from: old, to: new).lines == ["cluster.json: keys: 1 added, 1 removed"])
        new.cluster.keys = [KeyEntry(secret: SecretText(testSecret), scope: .gateway)]
        #expect(
            ConfigurationChange(from: old, to: new).lines == ["cluster.json: keys: 1 with another scope or name"])
        old.cluster.keys.append(KeyEntry(secret: SecretText(otherTestSecret)))
        new.cluster.keys = old.cluster.keys.reversed()
        #expect(ConfigurationChange(from: old, to: new).lines == ["cluster.json: keys: order changed"])
    }

    @Test("Connections are told apart by URL, and secret options only named")
    func connections() throws {
        func cluster(_ connections: String) throws -> Configuration {
            var configuration = Configuration()
            configuration.cluster = try .accepted("{\"databaseConnections\": [\(connections)]}")
            return configuration
        }
        let old = try cluster(
            #"{"url": "https://a"}, {"url": "https://b"}, {"url": "https://c", "options": {"timeout": 500}}"#)
        let new = try cluster(
            #"""
            {"url": "https://c", "options": {"cert": "c", "key": "k", "passphrase": "sesame", "proxy": "http://u:p@q:1"}}, {"url": "https://a"},
            {"url": "https://d"}
            """#)
        let place = #"cluster.json: databaseConnections["https://c:3300"].options."#
        #expect(
            ConfigurationChange(from: old, to: new).lines == [
                "cluster.json: databaseConnections: https://b:3300 removed",
                "cluster.json: databaseConnections: https://d:3300 added",
                place + "cert: changed", place + "key: changed", place + "passphrase: changed",
                place + "proxy: changed",
                place + "timeout: 500 -> default", "cluster.json: databaseConnections: order changed",
            ])
    }
}
