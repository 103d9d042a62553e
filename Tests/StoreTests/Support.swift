// Temporary stores, a clock that tests turn, and a naive map to compare with.
import Foundation
import Replica
import Store
import Synchronization
import Testing

/// A clock that stands still until a test moves it.
final class TestClock: Sendable {
    private let state: Mutex<UInt64>

    init(_ milliseconds: UInt64 = 1_800_000_000_000) { state = Mutex(milliseconds) }

    var now: WallTime { WallTime(milliseconds: state.withLock { $0 }) }

    func advance(byMilliseconds count: Int64) {
        state.withLock { $0 = UInt64(Int64($0) + count) }
    }
}

/// A directory for one test, removed at its end, with a clock for the stores in it.
final class Workplace: Sendable {
    let path: String
    let clock = TestClock()

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/store-tests-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var store: String { path + "/store" }
    var data: String { store + "/data.mdb" }

    func open(_ options: StoreOptions = StoreOptions(), origin: UInt64 = 1) throws -> Store {
        try Store.open(directory: store, options: options, origin: Origin(raw: origin)) { [clock] in clock.now }
    }

    func mode(of path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    // The blocking forms, which async tests reach only through plain functions.
    func check() throws -> CheckReport { try Store.check(directory: store) { _ in } }
    func restore(from backup: String, to directory: String) throws {
        try Store.restore(from: backup, to: directory)
    }
}

func key(_ text: String) throws -> Key { try Key(text) }

func put(_ name: String, _ value: String, lease: UInt64? = nil) throws -> LocalWrite {
    LocalWrite(key: try Key(name), change: .put(Array(value.utf8), leaseMilliseconds: lease))
}

func delete(_ name: String) throws -> LocalWrite { LocalWrite(key: try Key(name), change: .delete) }

func version(_ time: WallTime, counter: UInt64 = 0, origin: UInt64 = 9) -> Version {
    Version(clock: Clock(raw: Clock(time).raw + counter), origin: Origin(raw: origin))
}

func received(_ name: String, _ value: String, _ version: Version, expiry: WallTime? = nil) throws -> Entry {
    Entry(key: try Key(name), version: version, expiry: expiry, value: Array(value.utf8))
}

extension Store {
    func value(_ name: String) throws -> String? {
        let key = try Key(name)
        let entry = try read { snapshot throws(StoreError) in try snapshot.get(key) }
        return entry.map { String(decoding: $0.value, as: UTF8.self) }
    }

    func merge(_ entries: [Entry], source: UInt64 = 1, urgency: Urgency = .immediate) async throws -> MergeOutcome {
        try await merge(EntryBatch(entries), scope: .everything, source: source, urgency: urgency)
    }

    /// Every entry, dead ones included, in key order.
    func everything() async throws -> [Entry] {
        var entries: [Entry] = []
        var after: Key?
        while true {
            let chunk = try await chunk(after: after, byteCountMax: 1_000)
            #expect(chunk.damaged.isEmpty)
            entries += chunk.entries.entries
            after = chunk.last
            if chunk.isEnd { return entries }
        }
    }

    /// Whether what is kept up with each commit is what a scan finds.
    func expectSummaryOfContents() async throws {
        var expected = MapSummary()
        let entries = try await everything()
        for entry in entries { expected.add(entry.digest) }
        let summary = summary
        #expect(summary.count == expected.count)
        #expect(summary.fingerprint == expected.fingerprint)
        #expect(summary.sketch.symbols == expected.sketch.symbols)
        var plain = MapSummary()
        for entry in entries where entry.key.keyClass != .audit { plain.add(entry.digest) }
        let without = summaryWithoutAudit
        #expect(without.count == plain.count && without.fingerprint == plain.fingerprint)
        #expect(without.sketch.symbols == plain.sketch.symbols)
        let scanned = try await sketch(symbolCount: 100, withAudit: false)
        #expect(scanned.sketch.prefix(100).symbols == Array(plain.sketch.symbols.prefix(100)))
        #expect(scanned.count == plain.count && scanned.fingerprint == plain.fingerprint)
        #expect(statistics.tombstoneCount == entries.count { $0.isTombstone })
        #expect(statistics.valueCount == entries.count { !$0.isTombstone })
    }
}

/// The map as plainly as can be.
struct NaiveMap {
    private(set) var entries: [Key: Entry] = [:]

    mutating func merge(_ entry: Entry) {
        entries[entry.key] = entries[entry.key]?.merged(with: entry) ?? entry
    }

    var sorted: [Entry] { entries.values.sorted { $0.key < $1.key } }
}

/// Numbers that repeat with their seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension ChangeFeed {
    /// Waits for the next event.
    func next() async -> ChangeEvent? {
        var iterator = makeAsyncIterator()
        return await iterator.next()
    }
}
