// Tests of cluster.json: keys, access points and their options.

import Directory
import JSON
import MemberConfiguration
import OperatingSystem
import Testing
import Transport
import Trust

@Suite("cluster.json")
struct ConfigurationClusterTests {
    @Test("A full file is read, written and read again to the same value")
    func roundTrip() throws {
        let cluster = try ClusterConfiguration.accepted(
            #"""
            {"keys": [{"secret": "\#(testSecret)", "name": "2026"},
                      {"secret": "\#(otherTestSecret)", "scope": "gateway"}],
             "databaseConnections": [
               {"url": "https://Alpha.example.org/", "options": {"ca": ["a.pem", "/b.pem"], "timeout": 2500}},
               {"url": "https://[2001:DB8::1]:4000", "options": {"cert": "c", "key": "k", "passphrase": "p",
                 "unbound": true,
                 "servername": "alpha", "rejectUnauthorized": true, "keepAlive": false}}],
             "external": true, "serverReservations": true, "unboundProxies": ["192.0.2.0/24", "2001:db8::7"]}
            """#)
        #expect(
            cluster.databaseConnections.map(\.url) == ["https://alpha.example.org:3300", "https://[2001:db8::1]:4000"])
        #expect(cluster.databaseConnections[0].options.timeout == .milliseconds(2500))
        #expect(cluster.keys.map(\.scope) == [.full, .gateway])
        #expect(try ClusterConfiguration.accepted(cluster.toJSON().prettyText) == cluster)
    }

    @Test("An empty file has the defaults, and a warning that there is no key")
    func defaults() throws {
        let (cluster, warnings) = try ClusterConfiguration.parse("{}".utf8)
        #expect(cluster == ClusterConfiguration())
        #expect(warnings.map(\.place.description) == ["keys"])
    }

    @Test(
        "A secret is hexadecimal if it has only such digits, else base64; 32 to 1024 bytes",
        arguments: [
            (String(repeating: "0f", count: 32), true), (String(repeating: "0F", count: 1024), true),
            (String(repeating: "0f", count: 31), false), (String(repeating: "0f", count: 1025), false),
            (String(repeating: "0f", count: 32) + "0", false), (String(repeating: "QUJD", count: 10) + "QUI=", true),
            (String(repeating: "QUJD", count: 10) + "QQ==", false),
            (String(repeating: "QUJD", count: 10) + "QUJ=", false),
            (String(repeating: "QUJD", count: 11) + "Q", false), (String(repeating: "QU-_", count: 11), false),
            (String(repeating: "QUJD", count: 11) + "\n", false), ("", false), ("=====", false),
            (String(repeating: "QUJD", count: 11) + "====", false),
        ])
    func secretText(text: String, isAccepted: Bool) {
        #expect(KeyEntry.isSecret(text) == isAccepted)
    }

    @Test("A ninth key, an unknown scope, a missing secret and a key written twice are refused")
    func keyMistakes() {
        let nine = (0..<9).map { #"{"secret": "\#(String(repeating: "0\($0)", count: 32))"}"# }.joined(separator: ",")
        #expect(
            ClusterConfiguration.mistakes("{\"keys\": [\(nine)]}")
                == ["config/cluster.json: keys: a list of 9 is not allowed; allowed: at most 8 keys"])
        #expect(
            ClusterConfiguration.mistakes(#"{"keys": [{"secret": "\#(testSecret)", "scope": "Full"}]}"#)
                == [#"config/cluster.json: keys[0].scope: "Full" is not allowed; allowed: "full", "gateway""#])
        #expect(
            ClusterConfiguration.mistakes(#"{"keys": [{}]}"#)[0].contains("keys[0].secret: is required and missing"))
        let twice = #"{"secret": "\#(testSecret)"}"#
        #expect(
            ClusterConfiguration.mistakes("{\"keys\": [\(twice), \(twice)]}")
                == ["config/cluster.json: keys[1]: is the same key as keys[0]; remove one"])
    }

    @Test(
        "The URL of an access point is https, host and port only",
        arguments: [
            ("https://a", "https://a:3300"), ("HTTPS://A.B/", "https://a.b:3300"), ("https://127.0.0.1:65535", nil),
            ("https://[::1]", "https://[::1]:3300"), ("https://my_host-1:1", nil),
        ])
    func acceptedURL(text: String, normal: String?) throws {
        #expect(try MemberURL(text).text == normal ?? text)
    }

    @Test(
        "Any other URL is refused with the reason",
        arguments: [
            ("http://a", MemberURL.Refusal.notEncrypted), ("wss://a", .otherScheme), ("a:3300", .otherScheme),
            ("https://u:p@a", .userInformation), ("https://a?x", .queryOrFragment), ("https://a#x", .queryOrFragment),
            ("https://a/b", .path), ("https://a//", .path), ("https://", .host), ("https://a b", .host),
            ("https://ä", .host), ("https://1.2.3", .host), ("https://::1", .host), ("https://[a]", .host),
            ("https://[::1]x", .host), ("https://-a", .host), ("https://a..b", .host), ("https://a:", .port),
            ("https://a:0", .port), ("https://a:65536", .port), ("https://a:+1", .port), ("https://a:1:2", .port),
        ])
    func refusedURL(text: String, reason: MemberURL.Refusal) {
        #expect(throws: reason) { try MemberURL(text) }
    }

    @Test("http:// is refused with the reason in the message")
    func plainHTTP() {
        let lines = ClusterConfiguration.mistakes(#"{"databaseConnections": [{"url": "http://a"}]}"#)
        #expect(lines.count == 1)
        #expect(
            lines[0].hasPrefix(
                #"config/cluster.json: databaseConnections[0].url: "http://a" is refused: http:// would"#))
    }

    @Test("The same access point twice is refused, however it is written")
    func duplicateURL() {
        let text = #"{"databaseConnections": [{"url": "https://a"}, {"url": "https://A:3300/"}]}"#
        #expect(
            ClusterConfiguration.mistakes(text) == [
                "config/cluster.json: databaseConnections[1].url: https://a:3300 is the same access point as "
                    + "databaseConnections[0]; remove one"
            ])
    }

    @Test("A seventh access point is a warning that says why, and is not used")
    func sevenConnections() throws {
        let list = (1...7).map { #"{"url": "https://m\#($0)"}"# }.joined(separator: ",")
        let text = #"{"keys": [{"secret": "\#(testSecret)"}], "databaseConnections": [\#(list)]}"#
        let (cluster, warnings) = try ClusterConfiguration.parse(text.utf8)
        #expect(cluster.databaseConnections.count == 7)
        #expect(cluster.usedConnections.map(\.url).last == "https://m6:3300")
        #expect(
            warnings.map(\.description) == [
                "config/cluster.json: databaseConnections: 7 connections are configured and only the first 6 are used: "
                    + "beyond 6, fault tolerance no longer improves, and each further link costs both of its ends; "
                    + "remove 1"
            ])
    }

    @Test("A proxy is a URL, none, or whatever the environment says, and no mistake shows its password")
    func proxies() throws {
        #expect(try acceptedOptions("{}").proxy == .environment)
        #expect(try acceptedOptions(#"{"proxy": ""}"#).proxy == .noProxy)
        #expect(try acceptedOptions(#"{"proxy": null}"#).proxy == .noProxy)
        let options = try acceptedOptions(#"{"proxy": "http://clerk:sesame@a:3128"}"#)
        #expect(options.toJSON() == ["proxy": "http://clerk:sesame@a:3128"])
        #expect(!"\(options)".contains("sesame"))
        #expect(
            optionMistakes(#"{"proxy": "https://clerk:sesame@a:3128"}"#) == [
                "config/cluster.json: databaseConnections[0].options.proxy: (hidden) is refused: a proxy is asked by "
                    + "http:// only; what goes through it is encrypted all the same; allowed: http://host:port or "
                    + #"http://user:password@host:port, or "" for none"#
            ])
        #expect(optionMistakes(#"{"proxy": ["sesame"]}"#).allSatisfy { !$0.contains("sesame") })
        #expect(optionMistakes(#"{"proxy": 3128}"#).count == 1)
    }

    @Test("Options are those of Node that are supported, with their defaults")
    func options() throws {
        let options = try acceptedOptions("{}")
        #expect(options == ConnectionOptions())
        #expect(options.timeout == .seconds(10) && options.keepAlive && !options.unbound)
        #expect(options.rejectUnauthorized == nil)
        let pem = "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n"
        #expect(try acceptedOptions(#"{"ca": "\#(pem)"}"#).ca.count == 1)
        #expect(try acceptedOptions(#"{"ca": ["\#(pem)", "ca.pem"]}"#).ca.last == .file("ca.pem"))
    }

    @Test(
        "Other options of Node's HTTPS agent are refused by name",
        arguments: [
            "keepAliveMsecs", "maxSockets", "ciphers", "minVersion", "checkServerIdentity", "pfx", "sessionTimeout",
        ])
    func unsupportedOption(name: String) {
        #expect(
            optionMistakes("{\"\(name)\": 1}") == [
                "config/cluster.json: databaseConnections[0].options.\(name): \(name) is an option of Node's HTTPS "
                    + "agent that is not supported here; remove it"
            ])
    }

    @Test("rejectUnauthorized false is refused on an unbound link")
    func unboundUnverified() throws {
        let prefix = "config/cluster.json: databaseConnections[0].options.rejectUnauthorized: "
        #expect(
            optionMistakes(#"{"unbound": true, "rejectUnauthorized": false}"#) == [
                prefix
                    + "rejectUnauthorized false is refused with unbound true, "
                    + "because nothing would then protect the link"
            ])
        #expect(try acceptedOptions(#"{"rejectUnauthorized": false}"#).rejectUnauthorized == false)
    }

    @Test(
        "Options that cannot work are refused",
        arguments: [
            #"{"cert": "c"}"#, #"{"key": "k"}"#, #"{"passphrase": "p"}"#, #"{"timeout": 99}"#, #"{"timeout": 600001}"#,
            #"{"timeout": 100.5}"#, #"{"servername": "1.2.3.4"}"#, #"{"servername": ""}"#, #"{"keepAlive": 1}"#,
            #"{"rejectUnauthorized": null}"#, #"{"ca": ""}"#, #"{"ca": [1]}"#,
            #"{"ca": "-----BEGIN PRIVATE KEY-----"}"#,
            #"{"ca": "-----BEGIN CERTIFICATE REQUEST-----x-----END CERTIFICATE REQUEST-----"}"#,
            #"{"timout": 100}"#,
        ])
    func optionMistake(options: String) {
        #expect(optionMistakes(options).count == 1, "\(optionMistakes(options))")
    }

    @Test("A proxy range contains its addresses, also in IPv6 notation, and no others")
    func addressRange() throws {
        let range = try #require(AddressRange("192.0.2.64/26"))
        #expect(range.contains("192.0.2.64") && range.contains("192.0.2.127") && range.contains("::ffff:192.0.2.100"))
        #expect(!range.contains("192.0.2.63") && !range.contains("192.0.2.128") && !range.contains("2001:db8::"))
        let wide = try #require(AddressRange("2001:db8::/33"))
        #expect(wide.contains("2001:db8:7fff::1") && !wide.contains("2001:db8:8000::1"))
        #expect(AddressRange("0.0.0.0/0")?.contains("255.255.255.255") == true)
        for text in [
            "", "a", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2", "::/129", "1.2.3.4/-1", "1.2.3.4/8/8",
        ] {
            #expect(AddressRange(text) == nil, "\(text)")
        }
    }
}
