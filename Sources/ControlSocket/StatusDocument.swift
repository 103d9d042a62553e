// What `status` says.
package import Cluster
import Control
package import Directory
package import Gateway
package import Global
package import Gossip
package import JSON
package import MemberConfiguration
package import OperatingSystem
package import Replica
package import Store
import Transport
import Trust

/// The whole state of this member, part by part.
package struct StatusDocument: Sendable {
    let serverID: ServerID
    /// When the agent started.
    let started: WallTime
    let store: Store
    let node: GossipNode
    let authenticator: MemberAuthenticator
    let certificate: ServerCertificate
    let configurations: ConfigurationStore
    let registry: Registry
    let relay: RelayDocument
    let global: GlobalConfigurationIndex
    let journal: Journal
    let reach: ReachDocument
    /// What an administrator is told where pages for browsers are missing.
    let pagesProblem: @Sendable () -> String?
    /// What runs the scripts that choose servers.
    let scripts: @Sendable () async -> JSONValue
    /// Which metrics run here, and how.
    let metrics: @Sendable () async -> JSONValue
    /// Where the listener really listens.
    let listening: @Sendable () async -> HostAndPort?

    package init(
        serverID: ServerID, started: WallTime, store: Store, node: GossipNode, authenticator: MemberAuthenticator,
        certificate: ServerCertificate, configurations: ConfigurationStore, registry: Registry, relay: RelayDocument,
        reach: ReachDocument, global: GlobalConfigurationIndex, journal: Journal,
        pagesProblem: @escaping @Sendable () -> String?, scripts: @escaping @Sendable () async -> JSONValue,
        metrics: @escaping @Sendable () async -> JSONValue,
        listening: @escaping @Sendable () async -> HostAndPort?
    ) {
        self.serverID = serverID
        self.started = started
        self.store = store
        self.node = node
        self.authenticator = authenticator
        self.certificate = certificate
        self.configurations = configurations
        self.registry = registry
        self.relay = relay
        self.global = global
        self.journal = journal
        self.reach = reach
        self.pagesProblem = pagesProblem
        self.scripts = scripts
        self.metrics = metrics
        self.listening = listening
    }

    /// As JSON; `docs/operations.md` explains the fields.
    func make() async -> JSONValue {
        let relayLinks = await relay.links()
        let summary = store.summary
        let statistics = store.statistics
        let links = await node.links
        let accessPoints = await node.accessPointStatuses
        let configuration = configurations.current
        return .object([
            "serverId": .string(serverID.text), "software": .string(ProgramVersion.software),
            "started": .string(started.text), "time": .string(WallClock.now().text),
            "listen": .string(await listening()?.description ?? ""),
            "certificateSHA256": .string(HexText.encode(certificate.hash)),
            "keys": .array(authenticator.keyRing.ids.map { .string($0.description) }),
            "external": .bool(configuration.cluster.external), "draining": .bool(configuration.settings.draining),
            "entries": .integer(Int64(summary.count)),
            "values": .integer(Int64(statistics.valueCount)), "tombstones": .integer(Int64(statistics.tombstoneCount)),
            "fingerprint": .string(summary.fingerprint.hex), "storeBytes": .integer(Int64(statistics.fileByteCount)),
            "commits": .integer(Int64(statistics.commitCount)),
            "links": .array(
                links.filter { $0.status.phase != .dialling && $0.status.phase != .closing }.map(Self.link)
                    + accessPoints.filter { $0.phase == "waiting" || $0.phase == "dialling" }.map(Self.failingLink)),
            "accessPoints": .array(accessPoints.map(Self.accessPoint)),
            "clock": .object([
                "wrong": .bool(await node.isClockWrong),
                "offsetsMilliseconds": .object(Self.offsets(links.map(\.status))),
            ]),
            "partitioned": .bool(await node.isPartitionedByGateways), "relayLinks": .array(relayLinks),
            "sharedGatewayKeys": SharedGatewayKeys(registry.servers().map(\.update)).json,
            "isolated": .text(Self.isolation(configuration, links.map(\.status))),
            "pagesMissing": .text(pagesProblem()), "globalMistakes": .array(await globalMistakes()),
            "urls": .array(registry.urls(of: serverID).map { .string($0) }),
            "unreachable": reach.unreachable, "unreachableFrom": reach.complaints(about: serverID),
            "scripts": await scripts(), "metrics": await metrics(),
        ])
    }

    /// What in the cluster's configuration has a mistake, who wrote it and when, and what counts instead.
    private func globalMistakes() async -> [JSONValue] {
        var documents: [JSONValue] = []
        for mistake in global.mistakes {
            documents.append([
                "key": .string(mistake.key.description), "version": .string(mistake.version.text),
                "writtenAt": .string(mistake.version.clock.time.text),
                "writtenBy": .text(await journal.member(of: mistake.version.origin)?.text),
                "mistakes": .array(mistake.lines.map { .string($0) }), "used": .string(mistake.used.description),
            ])
        }
        return documents
    }

    /// Why an external member belongs to no cluster: it connects to nobody, so others have to connect to it.
    static func isolation(_ configuration: Configuration, _ links: [LinkStatus]) -> String? {
        guard configuration.cluster.external, !links.contains(where: { $0.phase == .open }) else { return nil }
        return "no member holds a link to this external one: name it as an access point of at least one member inside"
    }

    private static func offsets(_ links: [LinkStatus]) -> [String: JSONValue] {
        var offsets: [String: JSONValue] = [:]
        for link in links {
            if let serverID = link.serverID, let offset = link.clockOffsetMilliseconds {
                offsets[serverID.text] = .integer(offset)
            }
        }
        return offsets
    }

    private static func link(_ link: (status: LinkStatus, bytesSent: Int, bytesReceived: Int)) -> JSONValue {
        let status = link.status
        var fields: [String: JSONValue] = [
            "serverId": .text(status.serverID?.text), "url": .string(status.address),
            "direction": .string(status.isDialled ? "out" : "in"), "state": .string(status.phase.rawValue),
            "since": .string(status.since.text), "bytesSent": .integer(Int64(link.bytesSent)),
            "bytesReceived": .integer(Int64(link.bytesReceived)), "streaming": .bool(status.isStreaming),
            "keys": .array(status.keyIDs.map { .string($0.description) }),
            "gatewayScoped": .bool(status.isGatewayScoped),
            "refusedEntries": .integer(Int64(status.refusedCount)),
            "queuedKeys": .integer(Int64(status.queuedKeyCount)),
            "leftOutKeys": .integer(Int64(status.leftOutKeyCount)),
        ]
        if let roundTrip = status.roundTrip { fields["roundTripMilliseconds"] = milliseconds(roundTrip) }
        if let software = status.software { fields["software"] = .string(software) }
        if let round = status.lastRound {
            fields["lastReconciliation"] = .object([
                "differences": .integer(Int64(round.differenceCount)),
                "roundTrips": .integer(Int64(round.roundTripCount)), "bytes": .integer(Int64(round.byteCount)),
                "milliseconds": milliseconds(round.duration), "stream": .bool(round.isStream),
            ])
        }
        return .object(fields)
    }

    /// A link that should be there and is not.
    private static func failingLink(_ point: AccessPointStatus) -> JSONValue {
        .object([
            "serverId": .text(point.serverID?.text), "url": .string(point.url), "direction": "out",
            "state": .string(point.phase), "bytesSent": 0, "bytesReceived": 0,
            "lastError": point.lastError.map { .string($0) } ?? .null,
        ])
    }

    private static func accessPoint(_ point: AccessPointStatus) -> JSONValue {
        var fields: [String: JSONValue] = ["url": .string(point.url), "state": .string(point.phase)]
        if let serverID = point.serverID { fields["serverId"] = .string(serverID.text) }
        if let error = point.lastError { fields["lastError"] = .string(error) }
        return .object(fields)
    }

    private static func milliseconds(_ duration: Duration) -> JSONValue {
        .number((duration / .microseconds(1)).rounded() / 1_000)
    }
}
