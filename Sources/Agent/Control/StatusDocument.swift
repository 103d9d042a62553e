// What `status` and `members` say.
import Directory
import Gateway
import Gossip
import JSON
import OperatingSystem
import Replica
import Store
import Transport
import Trust

enum StatusDocument {
    /// The whole state of this member; `docs/operations.md` explains the fields.
    static func make(_ services: UserServices) async -> JSONValue {
        let member = services.member
        let relay = await RelayDocument.links(services)
        let summary = member.store.summary
        let statistics = member.store.statistics
        let links = await member.node.links
        let accessPoints = await member.node.accessPointStatuses
        let configuration = member.configuration
        return .object([
            "serverId": .string(member.serverID.text), "software": .string(ProgramVersion.software),
            "started": .string(member.started.text), "time": .string(WallClock.now().text),
            "listen": .string(await member.listening?.description ?? ""),
            "certificateSHA256": .string(HexText.encode(member.certificate.hash)),
            "keys": .array(member.authenticator.keyRing.ids.map { .string($0.description) }),
            "external": .bool(configuration.cluster.external), "entries": .integer(Int64(summary.count)),
            "values": .integer(Int64(statistics.valueCount)), "tombstones": .integer(Int64(statistics.tombstoneCount)),
            "fingerprint": .string(summary.fingerprint.hex), "storeBytes": .integer(Int64(statistics.fileByteCount)),
            "commits": .integer(Int64(statistics.commitCount)),
            "links": .array(
                links.filter { $0.status.phase != .dialling && $0.status.phase != .closing }.map(link)
                    + accessPoints.filter { $0.phase == "waiting" || $0.phase == "dialling" }.map(failingLink)),
            "accessPoints": .array(accessPoints.map(accessPoint)),
            "clock": .object([
                "wrong": .bool(await member.node.isClockWrong),
                "offsetsMilliseconds": .object(offsets(links.map(\.status))),
            ]),
            "partitioned": .bool(await member.node.isPartitionedByGateways), "relayLinks": .array(relay),
            "sharedGatewayKeys": SharedGatewayKeys(services.registry.servers().map(\.update)).json,
            "isolated": .text(isolation(configuration, links.map(\.status))),
            "pagesMissing": .text(services.pages.problem),
        ])
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

enum MemberList {
    /// Every member whose server update has not expired.
    static func make(_ services: UserServices) async throws -> JSONValue {
        let member = services.member
        let relay = await RelayDocument.links(services)
        var members: [JSONValue] = []
        let now = WallClock.now()
        for server in services.registry.servers(at: now).sorted(by: { $0.update.serverID < $1.update.serverID }) {
            let id = server.update.serverID
            var fields: [String: JSONValue] = [
                "serverId": .string(id.text), "self": .bool(id == member.serverID),
                "updatedMillisecondsAgo": .integer(max(0, now.millisecondsSince(server.written))),
                "update": server.update.document,
            ]
            if let link = relay.first(where: { $0.text("serverId") == id.text }) { fields["relay"] = link }
            members.append(.object(fields))
        }
        return .array(members)
    }
}

/// Why a key has the value that it has.
struct Explanation {
    let member: RunningMember
    let journal: Journal

    func document(_ key: Key, _ entry: Entry?, _ changes: [Journal.Change]) async -> JSONValue {
        var fields: [String: JSONValue] = ["key": .string(key.description)]
        if let entry {
            fields.merge(EntryDocument.fields(entry)) { _, new in new }
            fields["expired"] = .bool(entry.isExpired(at: WallClock.now()))
            if let writer = await journal.member(of: entry.version.origin) {
                fields["writtenBy"] = .string(writer.text)
            }
        }
        var history: [JSONValue] = []
        for change in changes { history.append(await describe(change)) }
        fields["changes"] = .array(history)
        return .object(fields)
    }

    private func describe(_ change: Journal.Change) async -> JSONValue {
        var fields: [String: JSONValue] = [
            "at": .string(change.time.text), "version": .string(change.version.clock.time.text),
            "origin": .string(String(change.version.origin.raw, radix: 16)),
        ]
        if let writer = await journal.member(of: change.version.origin) { fields["writtenBy"] = .string(writer.text) }
        if change.kind == .tombstone { fields["deleted"] = true }
        if let replaced = change.replaced { fields["replaced"] = .string(replaced.clock.time.text) }
        switch change.source {
        case .local: fields["source"] = "local"
        case .link: fields["source"] = .string("link to \(change.peer?.text ?? "a member no longer linked")")
        case .expiry: fields["source"] = "expired"
        case .restamp: fields["source"] = "stamped anew after the clock was set right"
        }
        return .object(fields)
    }
}
