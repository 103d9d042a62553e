// Publishes the server update: regularly, soon after a change, and again when somebody overwrote it.
import Gateway
import Gossip
import JSON
import Logging
import OperatingSystem
import Replica
import Store
import Trust

/// Keeps `server/<serverId>` up to date.
actor ServerUpdatePublisher {
    private let member: RunningMember
    private var reader = HostStatusReader()
    private var lastVersion: Version?
    /// The last version of this member's own entry that somebody else wrote, and when that was last called a clone.
    private var lastOverwriting: Version?
    private var cloneNamed: ContinuousClock.Instant?
    private var cloneRepliesLeft = 0
    private var countUsers: @Sendable () async -> UserCounts = { UserCounts() }
    private let rhythm = Republishing()

    init(member: RunningMember) {
        self.member = member
    }

    /// Asks for an update soon; may be called from anywhere.
    nonisolated func changed() { rhythm.changed() }

    /// Asks the closure for the numbers of logins and sessions.
    func counts(_ countUsers: @escaping @Sendable () async -> UserCounts) { self.countUsers = countUsers }

    /// Publishes until cancelled, or until the store is closed.
    func run() async {
        let (member, rhythm) = (member, rhythm)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await rhythm.run(every: { await member.configuration.settings.updateInterval }) { await self.publish() }
            }
            group.addTask { await self.guardOwnEntry() }
            await group.waitForAll()
        }
    }

    /// An older process, a clone or a rolled-back clock may have left a newer version of this member's own entry.
    private func guardOwnEntry() async {
        let own = ownKey.bytes
        for await event in member.store.subscribe() {
            guard case .commit(let commit) = event else { continue }
            for group in commit.groups where group.source != .local {
                var found: Version?
                group.entries.forEach { (header, key, _, _) in
                    if key.copy() == own, header.version != lastVersion { found = header.version }
                }
                if let found { overwritten(by: found) }
            }
        }
    }

    /// One version of another origin is what an older process left, and is replaced at once. An origin that goes on
    /// writing is a clone: it would answer every replacement.
    private func overwritten(by version: Version) {
        defer { lastOverwriting = version }
        guard version.origin != member.origin, let last = lastOverwriting, last.origin == version.origin,
            last.clock < version.clock
        else { return changed() }
        let now = ContinuousClock.now
        if let cloneNamed, now - cloneNamed < Self.cloneNamingPeriod {
            guard cloneRepliesLeft > 0 else { return }
            cloneRepliesLeft -= 1
            return changed()
        }
        cloneNamed = now
        cloneRepliesLeft = Self.cloneReplyCount
        member.logger.error(
            """
            clone: another live member has the server id \(member.serverID) and writes its server update; give one of them \
            an id of its own with "fastx-agent init" in a new directory
            """)
        // So that the other one finds out as well.
        changed()
    }

    /// How often a clone is answered after it was named. It takes two writes of one origin to be sure of a clone, and
    /// updates of both that cross each other hide one.
    private static let cloneReplyCount = 2

    /// How often a clone is named; between, the regular updates have to do.
    private static let cloneNamingPeriod: Duration = .seconds(60)

    private var ownKey: Key { Key(checked: Array("server/\(member.serverID)".utf8)) }

    private func publish() async {
        let update = await makeUpdate()
        let value = Array(update.json.canonicalText.utf8)
        let write = LocalWrite(
            key: ownKey, change: .put(value, leaseMilliseconds: ServerUpdate.leaseMilliseconds))
        do {
            lastVersion = try await member.store.write([write]).first?.version
        } catch {
            member.logger.error("the server update was not stored: \(error)")
        }
    }

    private func makeUpdate() async -> ServerUpdate {
        let configuration = await member.configuration
        let host = reader.read()
        for problem in host.problems { member.logger.warning("host status: \(problem)") }
        let links = await member.node.links.map(\.status)
        let keyRing = member.authenticator.keyRing
        return ServerUpdate(
            serverID: member.serverID, origin: String(member.origin.raw, radix: 16),
            urls: await member.urls(hostname: host.hostname),
            certificateSHA256: HexText.encode(member.certificate.hash), version: ProgramVersion.number, host: host,
            settings: configuration.settings, external: configuration.cluster.external,
            serverReservations: configuration.cluster.serverReservations,
            staticData: .object(configuration.staticData.object), links: links,
            isClockWrong: await member.node.isClockWrong, counts: await countUsers(),
            isPartitioned: await member.node.isPartitionedByGateways,
            gatewayKeys: keyRing.hasFullKey ? [] : keyRing.ids.map(\.description))
    }
}
