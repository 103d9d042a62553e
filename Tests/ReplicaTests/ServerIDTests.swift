// The grammar of server ids.
import FoundationEssentials
import Replica
import Testing

@Suite("Server ids")
struct ServerIDTests {
    @Test("A server id is 1 to 64 of a-z, 0-9 and -", arguments: ["a", "0", "-", "68b8bc6c4b963688", "host-1"])
    func valid(text: String) {
        #expect(ServerID(text)?.text == text)
        #expect(ServerID(String(repeating: "z", count: 64)) != nil)
    }

    @Test(
        "Nothing else is, whatever its letters look like",
        arguments: [
            "", "A", "Host", "host_1", "h\u{F4}te", "a b", "a.b", "a/b", "../a", "a\n", "a\u{0}", "\u{430}", "\u{FF11}",
            "127.0.0.1", String(repeating: "a", count: 65),
        ])
    func invalid(text: String) throws {
        #expect(ServerID(text) == nil)
        let json = try JSONEncoder().encode([text])
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([ServerID].self, from: json) }
    }

    @Test("In JSON it is its text")
    func json() throws {
        let ids = try #require(ServerID("host-1").map { [$0] })
        let json = try JSONEncoder().encode(ids)
        #expect(String(decoding: json, as: UTF8.self) == #"["host-1"]"#)
        #expect(try JSONDecoder().decode([ServerID].self, from: json) == ids)
    }
}
