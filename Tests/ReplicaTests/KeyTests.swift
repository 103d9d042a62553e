// The grammar of keys, and their order by bytes.
import Replica
import Testing

@Suite("Keys")
struct KeyTests {
    @Test(
        "Keys in the grammar are taken, each in its class",
        arguments: [
            ("server/a", KeyClass.server), ("login/a/b", .login), ("session/a/b", .session),
            ("reservation/a/b", .reservation), ("config/a", .config), ("config/a/b/c", .config), ("data/a", .data),
            ("audit/a/b", .audit), ("data/a//b/", .data), ("data//", .data), ("data/ä ö", .data),
            ("data/\u{1F600}", .data),
            ("config/" + String(repeating: "x", count: 473), .config),
        ])
    func good(text: String, keyClass: KeyClass) throws {
        let key = try Key(text)
        #expect(key.keyClass == keyClass)
        #expect(key.bytes == Array(text.utf8))
        #expect(key.description == text)
    }

    @Test(
        "Keys against the grammar are refused",
        arguments: [
            "", "x", "/", "config", "config/", "data/", "server/", "server/a/b", "server//", "login/a", "login/a/",
            "login//b", "login/a/b/c", "session/a", "session//", "reservation/a", "audit/a",
            "audit/a/", "audit//b", "audit/a/b/c", "audits/a/b", "audi/a/b", "Config/a", "configs/a", "confi/a",
            " config/a", "other/a", "config/a\u{0}", "config/a\n", "data/\u{7F}", "data/\u{1B}[0m",
            "config/" + String(repeating: "x", count: 474),
        ])
    func bad(text: String) {
        #expect(throws: ReplicaError.self) { try Key(text) }
    }

    @Test(
        "Bytes that are not UTF-8 are refused",
        arguments: [
            [0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82],
        ] as [[UInt8]])
    func notUTF8(tail: [UInt8]) {
        #expect(throws: ReplicaError.self) { try Key(Array("data/".utf8) + tail) }
    }

    @Test("Composed and decomposed letters are different keys")
    func composed() throws {
        let composed = try Key("data/\u{E9}")
        let decomposed = try Key("data/e\u{301}")
        #expect("\u{E9}" == "e\u{301}", "Swift holds the strings equal")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(decomposed < composed)
    }

    @Test("Keys are ordered by their bytes", arguments: 0..<50 as Range<UInt64>)
    func order(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let letters = ["a", "z", "Z", "é", "e\u{301}", "\u{1F600}", "\u{FFFD}", "/", "~"]
        let keys = try (0..<40).map { _ in
            try Key(
                "data/x"
                    + (0..<Int.random(in: 0..<4, using: &random)).map { _ in
                        letters[Int.random(in: 0..<letters.count, using: &random)]
                    }.joined())
        }
        for (left, right) in zip(keys.sorted(), keys.sorted().dropFirst()) {
            let unequal = zip(left.bytes, right.bytes).first { $0 != $1 }
            #expect(unequal.map { $0 < $1 } ?? (left.bytes.count <= right.bytes.count), "seed \(seed)")
        }
    }

    @Test("A lease's key names its owner, a durable one's names nobody")
    func owner() throws {
        for (text, owner) in [
            ("server/host-1", "host-1"), ("login/h/1", "h"), ("session/abc/1", "abc"), ("audit/host-1/1", "host-1"),
        ] {
            let bytes = Array(text.utf8)
            let range = try #require(unsafe try Key(text).keyClass.ownerRange(in: bytes.span.bytes))
            #expect(Array(bytes[range]) == Array(owner.utf8))
        }
        let bytes = Array("config/a".utf8)
        #expect(unsafe KeyClass.config.ownerRange(in: bytes.span.bytes) == nil)
    }

    @Test("One byte tells the keys of audit entries from all others, and how long an entry is kept")
    func audit() throws {
        for keyClass in KeyClass.allCases {
            let key = Array("\(keyClass.prefix)/a".utf8)
            #expect(unsafe KeyClass.isAudit(key.span.bytes) == (keyClass == .audit))
            guard let longest = keyClass.longestLeaseMilliseconds else { continue }
            let kept = unsafe KeyClass.keptMilliseconds(ofLease: key.span.bytes)
            #expect(kept == longest + KeyClass.tombstoneMarginMilliseconds)
        }
        #expect(KeyClass.audit.longestLeaseMilliseconds == 34_560_000_000)
        let none: [UInt8] = []
        #expect(unsafe !KeyClass.isAudit(none.span.bytes))
    }

    @Test("Every refusal says what was wrong, without control characters")
    func messages() {
        for text in ["", "config/\u{1B}[31m", "nothing/\u{7}", "login/a"] {
            do throws(ReplicaError) {
                _ = try Key(text)
                Issue.record("\(text) was taken")
            } catch {
                #expect(!error.description.isEmpty)
                #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 })
            }
        }
    }
}
