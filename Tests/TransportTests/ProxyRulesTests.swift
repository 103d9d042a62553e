// Which hosts are reached through the proxy that the environment names.
import OperatingSystem
import Testing
import Transport

@Suite("Proxies by the environment")
struct ProxyRulesTests {
    private func isProxied(_ host: String, _ port: Int = 3300, noProxy: String) throws -> Bool {
        let rules = try ProxyRules(environment: ["HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": noProxy])
        return rules.proxy(for: HostAndPort(host: host, port: port)) != nil
    }

    @Test("Small letters come before capitals, an empty variable is none, and the scheme may be left out")
    func variables() throws {
        func proxy(_ environment: [String: String]) throws -> String? {
            try ProxyRules(environment: environment).proxy?.description
        }
        #expect(try proxy([:]) == nil)
        #expect(try proxy(["HTTPS_PROXY": ""]) == nil)
        #expect(try proxy(["HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:2"]) == "b:2")
        #expect(try proxy(["HTTPS_PROXY": "http://a:1", "https_proxy": ""]) == nil)
        #expect(try proxy(["HTTPS_PROXY": "a:1"]) == "a:1")
        #expect(try proxy(["HTTP_PROXY": "http://a:1", "ALL_PROXY": "http://a:1"]) == nil)
        let rules = try ProxyRules(environment: ["HTTPS_PROXY": "http://a:1", "no_proxy": "b", "NO_PROXY": "c"])
        #expect(rules.proxy(for: HostAndPort(host: "b", port: 1)) == nil)
        #expect(rules.proxy(for: HostAndPort(host: "c", port: 1)) != nil)
    }

    @Test("A variable that names no proxy is refused without showing what it holds")
    func refused() {
        let error = #expect(throws: ProxyVariableError.self) {
            try ProxyRules(environment: ["https_proxy": "socks5://clerk:sesame@a:1"])
        }
        let line = error?.description ?? ""
        #expect(line.hasPrefix("https_proxy in the environment: a proxy is asked by http:// only"))
        #expect(!line.contains("sesame"))
    }

    @Test(
        "This very host is never asked of a proxy",
        arguments: ["localhost", "a.localhost", "127.0.0.1", "127.8.9.10", "::1"])
    func loopback(_ host: String) throws {
        #expect(try !isProxied(host, noProxy: ""))
    }

    @Test(
        "NO_PROXY names hosts, what is below a name, addresses, ranges, ports, or all",
        arguments: [
            ("beta.example", "beta.example", false), ("beta.example", "BETA.Example", false),
            ("beta.example", "example", false), ("beta.example", ".example", false),
            ("beta.example", "*.example", false), ("beta.example", ".beta.example", false),
            ("beta.example", "eta.example", true), ("beta.example", "alpha.example", true),
            ("beta.example", "alpha.example, beta.example", false), ("beta.example", "a beta.example", false),
            ("beta.example", "*", false), ("beta.example", "", true), ("beta.example", "beta.example:3300", false),
            ("beta.example", ".example:3301", true), ("beta.example", "beta.example:port", true),
            ("192.0.2.7", "192.0.2.7", false), ("192.0.2.7", "192.0.2.0/24", false),
            ("192.0.2.7", "192.0.2.9/24", false), ("192.0.2.7", "192.0.3.0/24", true),
            ("192.0.2.7", "192.0.2.7:3300", false), ("192.0.2.7", "192.0.2.7:3301", true),
            ("192.0.2.7", "2.7", true), ("2001:db8::7", "2001:db8::/32", false),
            ("2001:db8::7", "2001:DB8:0::7", false), ("2001:db8::7", "[2001:db8::7]:3300", false),
            ("2001:db8::7", "[2001:db8::7]:1", true), ("2001:db8::7", "2001:db8::8", true),
        ])
    func exceptions(host: String, noProxy: String, isProxied: Bool) throws {
        #expect(try self.isProxied(host, noProxy: noProxy) == isProxied)
    }

    @Test("The URL of a proxy is http, user and password, host and port")
    func urls() throws {
        func proxy(_ url: String) throws -> OutboundProxy { try OutboundProxy(url, writtenIn: "a test") }
        #expect(try proxy("http://[2001:db8::1]:3128/").description == "[2001:db8::1]:3128")
        #expect(try proxy("HTTP://Proxy.Example:80").endpoint == HostAndPort(host: "proxy.example", port: 80))
        for (url, mistake) in [
            ("https://a:1", OutboundProxy.Mistake.scheme), ("a:1", .scheme), ("http://a", .port), ("http://a:0", .port),
            ("http://a:1/b", .rest), ("http://a:1?b", .rest), ("http://:1", .host),
            ("http://u:%zz@a:1", .userInformation),
        ] {
            #expect(throws: mistake) { try proxy(url) }
        }
    }

    @Test("A proxy prints without its user and password, whatever it is a part of")
    func secrets() throws {
        let proxy = try OutboundProxy("http://clerk:ses%40me@a:1", writtenIn: "a test")
        let choice = ProxyChoice.proxy(proxy)
        var dumped = ""
        dump(choice, to: &dumped)
        for text in ["\(proxy)", "\(choice)", String(reflecting: proxy), String(reflecting: choice), dumped] {
            #expect(text.contains("a:1") || text.contains("port: 1"), "\(text)")
            #expect(!text.contains("clerk") && !text.contains("me@") && !text.contains("ses"), "\(text)")
        }
        #expect(proxy.revealed == "http://clerk:ses%40me@a:1")
    }
}
