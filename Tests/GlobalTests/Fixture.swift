// A member's store with the index and the writer of the cluster's configuration, and another member's writes.
import Directory
import Global
import Logging
import MemberConfiguration
import OperatingSystem
import Replica
import Store
import TestSupport
import Trust

/// What one member has of the cluster's configuration.
struct GlobalFixture {
    let directory: TemporaryDirectory
    let store: Store
    let index: GlobalConfigurationIndex
    let trail: ReplicatedAuditTrail
    let writer: GlobalConfigurationStore

    static let author = ChangeAuthor(user: "ada", source: "a test")

    /// - Parameter directory: That of an earlier process, which has closed its store.
    init(
        _ directory: TemporaryDirectory? = nil, serverID: ServerID = "a", origin: UInt64 = 1,
        predefined: Set<String> = [], rules: GlobalConfigurationStore.Rules = .init()
    ) throws {
        try Sodium.start()
        self.directory = try directory ?? TemporaryDirectory()
        store = try Store.open(
            directory: self.directory.path + "/store", options: StoreOptions(), origin: Origin(raw: origin),
            clock: WallClock.now)
        index = GlobalConfigurationIndex(store: store, predefined: predefined)
        trail = try ReplicatedAuditTrail(in: store, of: serverID)
        writer = GlobalConfigurationStore(serverID: serverID, store: store, index: index, trail: trail, rules: rules)
    }

    /// What the index finds from now on, until the task is cancelled.
    func follow(bufferedByteCountMax: Int = 1 << 20) -> (states: AsyncStream<GlobalState>, running: Task<Void, Never>) {
        let (states, state) = AsyncStream<GlobalState>.makeStream()
        index.changes.observe { state.yield($0) }
        let index = index
        return (
            states,
            Task { await index.run(Logger(label: "test"), bufferedByteCountMax: bufferedByteCountMax) }
        )
    }

    @discardableResult
    func change(_ proposals: GlobalProposal...) async throws -> [GlobalChange] {
        try await writer.change(proposals, by: Self.author)
    }

    /// As another member writes it, who checks nothing.
    @discardableResult
    func receive(_ key: Key, _ value: String?, millisecondsAhead: UInt64 = 0, origin: UInt64 = 7) async throws
        -> Version
    {
        let clock = Clock(WallClock.now().advanced(byMilliseconds: millisecondsAhead))
        let version = Version(clock: clock, origin: Origin(raw: origin))
        var batch = EntryBatch()
        batch.append(
            Entry(
                key: key, kind: value == nil ? .tombstone : .value, version: version, value: Array((value ?? "").utf8)))
        _ = try await store.merge(batch, scope: .everything, source: 1)
        return version
    }

    /// Brings everything that another member has.
    func merge(from other: GlobalFixture) async throws {
        let chunk = try await other.store.chunk(after: nil, byteCountMax: 1 << 20)
        _ = try await store.merge(chunk.entries, scope: .everything, source: 1)
    }

    func version(of name: GlobalName) throws -> Version? {
        let key = name.key
        return try store.read { snapshot throws(StoreError) in try snapshot.get(key, includingDead: true)?.version }
    }
}

extension GlobalProposal {
    init(_ name: GlobalName, _ text: String?, _ expected: Expected = .anything) {
        self.init(name, text: text.map { Array($0.utf8) }, expected: expected)
    }
}

extension AsyncStream where Element: Sendable {
    /// Waits for one that is as asked for.
    func first(_ isWanted: (Element) -> Bool) async -> Element? {
        for await element in self where isWanted(element) { return element }
        return nil
    }
}
