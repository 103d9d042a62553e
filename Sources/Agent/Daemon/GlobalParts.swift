// The parts of a member that are about the cluster's configuration, and the history of all configuration.
import Cluster
import ControlSocket
import Directory
import Global
import Logging
import MemberConfiguration
import OperatingSystem
import Scripts
import Store

/// What this member knows of the cluster's configuration, and how it changes it.
struct GlobalParts: Sendable {
    let index: GlobalConfigurationIndex
    let writer: GlobalConfigurationStore
    /// What is told of changes.
    let document: HistoryDocument
    private let history: LocalHistory
    let durableWrites: DurableWrites
    private let logger: Logger
    private let records: AsyncStream<LocalRecord>

    /// Reads the map, so that nobody finds an empty configuration.
    init(_ member: RunningMember, _ journal: Journal, _ scripts: ScriptParts) async throws {
        logger = member.logger
        index = GlobalConfigurationIndex(store: member.store, predefined: Set(scripts.predefined.names))
        try await index.load()
        index.changes.observe { state in Task { await scripts.warmUp(state.configuration) } }
        await member.configurations.observe { [index] _ in Task { await scripts.warmUp(index.current) } }
        await scripts.warmUp(index.current)
        history = try LocalHistory(in: member.store)
        durableWrites = DurableWrites(authenticator: member.authenticator, node: member.node)
        writer = GlobalConfigurationStore(
            serverID: member.serverID, store: member.store, index: index,
            trail: try ReplicatedAuditTrail(in: member.store, of: member.serverID),
            rules: .init(
                refusal: { [durableWrites] in
                    await durableWrites.obstacle().map {
                        .notWritable(reason: $0.reason, sentence: $0.description)
                    }
                }, writer: { await journal.member(of: $0) }, checkText: { try await scripts.check($0, $1) }))
        document = HistoryDocument(store: member.store, trail: writer.trail, history: history) {
            await journal.member(of: $0)
        }
        let (records, record) = AsyncStream<LocalRecord>.makeStream()
        self.records = records
        await member.configurations.observe { applied in
            guard !applied.change.isEmpty else { return }
            record.yield(
                LocalRecord(
                    time: WallClock.now(), source: applied.source, user: applied.user, address: applied.address,
                    lines: applied.change.lines))
        }
    }

    /// Follows the map until the store is closed.
    func follow() async { await index.run(logger) }

    /// Keeps a record of every change of this member's files.
    func keepHistory() async {
        for await record in records {
            do throws(StoreError) {
                try await history.keep(record)
            } catch {
                logger.error("a change of the configuration is not in its history: \(error)")
            }
        }
    }
}
