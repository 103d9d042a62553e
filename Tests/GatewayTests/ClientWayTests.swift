// What the next hop is told of the way that a request came.
import Gateway
import HTTPTypes
import Testing

@Suite("The way of a client's request")
struct ClientWayTests {
    private func told(_ way: ClientWay) -> [String: String] {
        Dictionary(uniqueKeysWithValues: way.fields.map { ($0.name.canonicalName, $0.value) })
    }

    @Test("Everything is told in both ways, and an address with a port is quoted")
    func everything() {
        let way = ClientWay(client: "192.0.2.1", host: "gate.example:3300", scheme: "https")
        #expect(
            told(way) == [
                "forwarded": #"for=192.0.2.1;host="gate.example:3300";proto=https"#, "x-forwarded-for": "192.0.2.1",
                "x-forwarded-host": "gate.example:3300", "x-forwarded-proto": "https",
            ])
    }

    @Test(
        "Addresses are written as RFC 7239 has them",
        arguments: [
            ("192.0.2.1", "for=192.0.2.1"), ("2001:db8::1", #"for="[2001:db8::1]""#), ("local", "for=unknown"),
            ("", "for=unknown"), ("evil;proto=http", "for=unknown"),
        ])
    func addresses(client: String, expected: String) {
        #expect(told(ClientWay(client: client, host: nil, scheme: "http"))["forwarded"] == "\(expected);proto=http")
    }

    @Test("Nothing gets out of its quotes")
    func quotes() {
        let way = ClientWay(client: "192.0.2.1", host: #"a";for="b\"#, scheme: "https")
        #expect(told(way)["forwarded"] == #"for=192.0.2.1;host="a\";for=\"b\\";proto=https"#)
        let nameless = told(ClientWay(client: "192.0.2.1", host: "", scheme: "https"))
        #expect(nameless["forwarded"] == #"for=192.0.2.1;host="";proto=https"#)
    }

    @Test("What is told comes back as it was, and nothing told is no way")
    func roundTrip() {
        for host in [nil, "gate.example"] {
            let way = ClientWay(client: "2001:db8::1", host: host, scheme: "http")
            let fields = told(way)
            #expect(ClientWay { fields[$0.canonicalName] } == way)
        }
        #expect(ClientWay { _ in nil } == nil)
    }
}
