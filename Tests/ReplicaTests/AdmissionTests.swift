// Which received entries are taken, and why the others are not.
import Replica
import Testing

@Suite("Admission")
struct AdmissionTests {
    private func entry(
        _ key: String, _ kind: EntryKind = .value, clock: Int64 = 0, expiry: Int64? = nil, value: Int = 1
    ) throws -> Entry {
        Entry(
            key: try Key(key), kind: kind, version: makeVersion(clock),
            expiry: expiry.map { WallTime(milliseconds: UInt64(Int64(testNow.milliseconds) + $0)) },
            value: [UInt8](repeating: 1, count: kind == .tombstone ? 0 : value))
    }

    /// 400 days.
    private static let auditLease: Int64 = 34_560_000_000

    @Test("Entries within the rules are taken")
    func taken() throws {
        for key in ["config/a", "data/a"] {
            #expect(refusal(try entry(key)) == nil)
            #expect(refusal(try entry(key, .tombstone)) == nil)
        }
        for key in ["server/a", "login/a/1", "session/a/1", "reservation/a/1"] {
            #expect(refusal(try entry(key, expiry: 120_000)) == nil)
            #expect(refusal(try entry(key, .tombstone, expiry: 240_000)) == nil)
        }
        #expect(refusal(try entry("audit/a/1", expiry: Self.auditLease)) == nil)
        #expect(refusal(try entry("audit/a/1", expiry: 1)) == nil)
        #expect(refusal(try entry("audit/a/1", .tombstone, expiry: Self.auditLease + 120_000)) == nil)
        #expect(refusal(try entry("data/a", value: Entry.valueByteCountMax)) == nil)
        #expect(refusal(try entry("data/a", EntryKind(rawValue: 7))) == nil, "a kind of a later version")
    }

    @Test("An entry stamped more than 60 s ahead is refused, up to 60 s it is taken")
    func ahead() throws {
        #expect(refusal(try entry("config/a", clock: 60_000)) == nil)
        #expect(refusal(try entry("config/a", clock: 60_001)) == .aheadOfTime)
        #expect(refusal(try entry("config/a", .tombstone, clock: 60_001)) == .aheadOfTime)
        #expect(refusal(try entry("config/a", clock: -1_000_000_000)) == nil)
    }

    @Test("A lease is refused once no older lease of its key can be alive, value or tombstone")
    func expired() throws {
        #expect(refusal(try entry("server/a", clock: -239_999, expiry: -200_000)) == nil, "dead, but it shadows others")
        #expect(refusal(try entry("server/a", clock: -240_000, expiry: -200_000)) == .expired)
        #expect(refusal(try entry("server/a", .tombstone, clock: -239_999, expiry: 1)) == nil)
        #expect(refusal(try entry("server/a", .tombstone, clock: -240_000, expiry: 0)) == .expired)
        let kept = Self.auditLease + 120_000
        #expect(refusal(try entry("audit/a/1", clock: 1 - kept, expiry: 1 - kept + 1_000)) == nil)
        #expect(refusal(try entry("audit/a/1", clock: -kept, expiry: -120_000)) == .expired)
        #expect(refusal(try entry("audit/a/1", .tombstone, clock: 1 - kept, expiry: 1)) == nil)
        #expect(refusal(try entry("audit/a/1", .tombstone, clock: -kept, expiry: 0)) == .expired)
    }

    @Test("Expiries that the class does not allow are invalid")
    func expiries() throws {
        #expect(refusal(try entry("server/a")) == .invalid, "a lease without expiry")
        #expect(refusal(try entry("server/a", expiry: 120_001)) == .invalid, "a lease too long")
        #expect(refusal(try entry("server/a", clock: 10, expiry: 10)) == .invalid, "a lease of no length")
        #expect(refusal(try entry("config/a", expiry: 1_000)) == .invalid, "a durable entry with expiry")
        #expect(refusal(try entry("config/a", .tombstone, expiry: 240_000)) == .invalid)
        #expect(refusal(try entry("audit/a/1")) == .invalid, "for ever")
        #expect(refusal(try entry("audit/a/1", expiry: Self.auditLease + 1)) == .invalid)
        #expect(refusal(try entry("audit/a/1", .tombstone, expiry: 240_000)) == .invalid, "as of other leases")
        for expiry in [nil, 120_000, 239_999, 240_001] as [Int64?] {
            #expect(refusal(try entry("server/a", .tombstone, expiry: expiry)) == .invalid)
        }
    }

    @Test("Tombstones with a value, values too long and keys against the grammar are invalid")
    func malformed() throws {
        let version = makeVersion()
        #expect(refusal(Entry(key: try Key("data/a"), kind: .tombstone, version: version, value: [1])) == .invalid)
        #expect(refusal(try entry("data/a", value: Entry.valueByteCountMax + 1)) == .invalid)
        for key in ["", "other/a", "login/a", "data/\u{7}"] {
            #expect(refusal(Entry(key: Key(checked: Array(key.utf8)), version: version)) == .invalid)
        }
    }

    @Test("A gateway writes only server, login and session entries of its own id")
    func gateway() throws {
        let scope = WriteScope.own(serverID: Array("gate".utf8))
        for key in ["server/gate", "login/gate/1", "session/gate/1"] {
            #expect(refusal(try entry(key, expiry: 1_000), scope: scope) == nil)
            #expect(refusal(try entry(key, .tombstone, expiry: 240_000), scope: scope) == nil)
        }
        for key in ["server/gat", "server/gate2", "login/other/gate", "session/other/1", "reservation/gate/1"] {
            #expect(refusal(try entry(key, expiry: 1_000), scope: scope) == .notAllowed)
        }
        for key in ["config/gate", "data/gate"] { #expect(refusal(try entry(key), scope: scope) == .notAllowed) }
        #expect(refusal(try entry("audit/gate/1", expiry: 1_000), scope: scope) == .notAllowed)
    }

    @Test("A gateway takes everything but audit entries")
    func atGateway() throws {
        for key in ["config/a", "data/a"] { #expect(refusal(try entry(key), scope: .allButAudit) == nil) }
        for key in ["server/a", "login/a/1", "session/a/1", "reservation/a/1"] {
            #expect(refusal(try entry(key, expiry: 1_000), scope: .allButAudit) == nil)
        }
        #expect(refusal(try entry("audit/a/1", expiry: 1_000), scope: .allButAudit) == .notAllowed)
        let tombstone = try entry("audit/a/1", .tombstone, expiry: Self.auditLease + 120_000)
        #expect(refusal(tombstone, scope: .allButAudit) == .notAllowed)
    }

    @Test("A lease's tombstone outlives every renewal it could shadow", arguments: 0..<300 as Range<UInt64>)
    func outlives(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let keys = ["server/a", "login/a/1", "session/a/1", "reservation/a/1", "audit/a/1"]
        let key = try Key(keys[Int.random(in: 0..<keys.count, using: &random)])
        let tombstone = LocalWrite(key: key, change: .delete)
            .entry(makeVersion(origin: 2))
        let longest = try #require(key.keyClass.longestLeaseMilliseconds)
        let span = Int64(longest) * 5 / 2
        let renewal = Entry(
            key: key, version: makeVersion(Int64.random(in: -span...0, using: &random), origin: 1),
            expiry: WallTime(
                milliseconds: UInt64(Int64(testNow.milliseconds) + Int64.random(in: -span...span, using: &random))))
        // Some moment of some receiver, whose clock is off by no more than the bound.
        let now = WallTime(milliseconds: testNow.milliseconds + UInt64.random(in: 0...2 * UInt64(span), using: &random))
        if refusal(renewal, at: now) == nil {
            #expect(refusal(tombstone, at: now) == nil, "seed \(seed)")
            #expect(renewal.merged(with: tombstone) == tombstone, "seed \(seed)")
            let later = now.advanced(byMilliseconds: Admission.clockBoundMilliseconds)
            if !renewal.isExpired(at: now) { #expect(!tombstone.isExpired(at: later), "seed \(seed)") }
        }
        #expect(tombstone.expiry == testNow.advanced(byMilliseconds: longest + 120_000))
    }

    @Test("What is written here is admitted everywhere", arguments: 0..<100 as Range<UInt64>)
    func ownWrites(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let key = try Key(
            ["server/a", "login/a/1", "audit/a/1", "config/a", "data/a"].randomElement(using: &random) ?? "")
        let leases: [UInt64?] = [nil, 1, 90_000, .max]
        let lease = leases[Int.random(in: 0..<leases.count, using: &random)]
        let change: LocalWrite.Change = Bool.random(using: &random) ? .delete : .put([1], leaseMilliseconds: lease)
        let replaced = Bool.random(using: &random) ? makeVersion(50_000).clock : nil
        var versions = VersionSource(origin: Origin(raw: 1))
        let entry = LocalWrite(key: key, change: change).entry(versions.next(now: testNow, replacing: replaced))
        #expect(refusal(entry) == nil, "seed \(seed)")
    }
}
