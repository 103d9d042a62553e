// Entries as bytes: layout, digest, batches and what is refused of them.
import Replica
import Testing

@Suite("Entries")
struct EntryTests {
    private func sample() throws -> Entry {
        Entry(
            key: try Key("config/motd"), version: makeVersion(counter: 3, origin: 0x0123_4567_89AB_CDEF),
            value: Array("hello".utf8))
    }

    @Test("The bytes of an entry are fixed")
    func layout() throws {
        #expect(
            hex(EntryBatch([try sample()]).bytes)
                == "000b" + "00000005" + "00" + "018bcfe568000003" + "0123456789abcdef" + "0000000000000000"
                + "636f6e6669672f6d6f7464" + "68656c6c6f")
    }

    @Test("A digest is the BLAKE2b-128 that Python computes of the same bytes")
    func digest() throws {
        let tombstone = Entry(
            key: try Key("session/host-1/7"), kind: .tombstone, version: makeVersion(),
            expiry: testNow.advanced(byMilliseconds: 240_000))
        // hashlib.blake2b(bytes, digest_size=16)
        #expect(Fingerprint(value: try sample().digest.value).hex == "985b01b6c1d02a92239a34b706c981db")
        #expect(Fingerprint(value: tombstone.digest.value).hex == "ecc4291387dd0141b4258c4adc7404ae")
        #expect(try sample().digest.itemID == UInt64(truncatingIfNeeded: try sample().digest.value >> 64))
    }

    @Test("Every field changes the digest")
    func sensitivity() throws {
        let key = try Key("server/a")
        let version = makeVersion()
        let entries = [
            Entry(key: key, version: version), Entry(key: try Key("server/b"), version: version),
            Entry(key: key, version: version, value: [0]), Entry(key: key, kind: .tombstone, version: version),
            Entry(key: key, version: version, expiry: testNow), Entry(key: key, version: makeVersion(1)),
            Entry(key: key, version: makeVersion(counter: 1)), Entry(key: key, version: makeVersion(origin: 2)),
        ]
        #expect(Set(entries.map(\.digest)).count == entries.count)
    }

    @Test("Entries survive encoding, in their order", arguments: 0..<50 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let entries = try (0..<Int.random(in: 0..<20, using: &random)).map { _ in
            try makeRandomEntry(using: &random)
        }
        let batch = try EntryBatch(validating: EntryBatch(entries).bytes)
        #expect(batch.count == entries.count, "seed \(seed)")
        #expect(batch.entries == entries, "seed \(seed)")
        var digests: [Digest] = []
        batch.forEach { _, _, _, encoded in digests.append(Digest(ofEncoded: encoded)) }
        #expect(digests == entries.map(\.digest), "seed \(seed)")
    }

    @Test("A batch without its audit entries has all the others, in their order", arguments: 0..<50 as Range<UInt64>)
    func withoutAudit(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let share = Int.random(in: 0...4, using: &random)
        let entries = try (0..<Int.random(in: 0..<20, using: &random)).map { number in
            guard Int.random(in: 0..<4, using: &random) < share else { return try makeRandomEntry(using: &random) }
            return Entry(
                key: try Key("audit/a/\(number)"), version: makeVersion(), expiry: testNow,
                value: [UInt8](repeating: 1, count: Int.random(in: 0..<300, using: &random)))
        }
        let batch = EntryBatch(entries)
        let rest = entries.filter { $0.key.keyClass != .audit }
        #expect(batch.hasAudit == (rest.count < entries.count), "seed \(seed)")
        #expect(batch.withoutAudit.bytes == EntryBatch(rest).bytes, "seed \(seed)")
        #expect(batch.withoutAudit.count == rest.count && !batch.withoutAudit.hasAudit, "seed \(seed)")
    }

    @Test("A batch cut short anywhere but between entries is refused")
    func truncated() throws {
        let first = EntryBatch([try sample()]).byteCount
        let bytes = EntryBatch([try sample(), try sample()]).bytes
        for count in 0..<bytes.count {
            let part = try? EntryBatch(validating: Array(bytes.prefix(count)))
            #expect((part != nil) == (count == 0 || count == first), "\(count) bytes")
        }
    }

    @Test(
        "Lengths out of bounds are refused",
        arguments: [
            "0000 00000000", "01e1 00000000", "000b 00100001", "ffff ffffffff",
        ])
    func lengths(fields: String) {
        let digits = Array(fields.filter { $0 != " " }.utf8)
        let start = stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
        }
        #expect(throws: ReplicaError.self) {
            try EntryBatch(validating: start + [UInt8](repeating: 0x61, count: (1 << 20) + 1_000))
        }
    }

    @Test("Damaged batches are entries or an error", arguments: 0..<20 as Range<UInt64>)
    func damaged(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let good = EntryBatch([try sample(), try sample()]).bytes
        for _ in 0..<500 {
            var bytes = good
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            guard let batch = try? EntryBatch(validating: bytes) else { continue }
            #expect(EntryBatch(batch.entries).bytes == bytes, "seed \(seed)")
        }
    }

    @Test("The entry appended last can be taken back")
    func removeLast() throws {
        var batch = EntryBatch([try sample()])
        let before = batch.bytes
        batch.append(try sample())
        batch.removeLast(from: before.count)
        #expect(batch.bytes == before && batch.count == 1)
    }
}
