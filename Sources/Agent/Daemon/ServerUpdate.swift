// The server update: what a member tells the cluster of its host, as a lease under server/<serverId>.
import Gossip
import JSON
import OperatingSystem
import Replica
import Sessions

/// How many users and sessions a member has.
struct UserCounts: Sendable {
    var sessions = 0
    var uniqueSessionUsers = 0
    var logins = 0
    var uniqueLoginUsers = 0

    init() {}

    init(logins: [Login], sessions: [KnownSession]) {
        let living = sessions.filter { $0.report.state.isLiving }
        self.sessions = living.count
        uniqueSessionUsers = Set(living.map(\.uid)).count
        self.logins = logins.count
        uniqueLoginUsers = Set(logins.map(\.uid)).count
    }
}

/// One server update. `docs/operations.md` lists every field with its unit.
struct ServerUpdate: Sendable {
    /// How long an update lasts, in milliseconds.
    static let leaseMilliseconds: UInt64 = 90_000

    var serverID: ServerID
    var origin: String
    var urls: [String]
    var certificateSHA256: String
    var version: String
    var host: HostStatus
    var settings: SettingsConfiguration
    var external: Bool
    var serverReservations: Bool
    var staticData: JSONValue
    var links: [LinkStatus]
    var isClockWrong: Bool
    var counts: UserCounts
    var isPartitioned: Bool
    /// Ids of the cluster keys of a member that has none but for gateways; empty for any other.
    var gatewayKeys: [String]

    var json: JSONValue {
        var fields: [String: JSONValue] = [
            "serverId": .string(serverID.text), "origin": .string(origin), "hostname": .string(host.hostname),
            "urls": .array(urls.map { .string($0) }), "certificateSHA256": .string(certificateSHA256),
            "version": .string(version), "kernel": .string(host.kernel), "sessions": .integer(Int64(counts.sessions)),
            "uniqueSessionUsers": .integer(Int64(counts.uniqueSessionUsers)),
            "logins": .integer(Int64(counts.logins)),
            "uniqueLoginUsers": .integer(Int64(counts.uniqueLoginUsers)),
            "loggedInUsers": .array(host.loggedInUsers.map { .string($0) }), "cpu": cpu,
            "loginsEnabled": .bool(settings.loginsEnabled), "sessionsEnabled": .bool(settings.sessionsEnabled),
            "external": .bool(external), "serverReservations": .bool(serverReservations), "staticData": staticData,
            "links": .array(links.filter { $0.phase == .open }.map(Self.link)), "clockWrong": .bool(isClockWrong),
            "partitioned": .bool(isPartitioned),
        ]
        if !gatewayKeys.isEmpty { fields["gatewayKeys"] = .array(gatewayKeys.map { .string($0) }) }
        if let uptime = host.uptimeSeconds { fields["uptime"] = .number(uptime) }
        if let load = host.loadAverage {
            fields["loadavg"] = .array([load.oneMinute, load.fiveMinutes, load.fifteenMinutes].map { .number($0) })
        }
        if let memory = host.memory {
            fields["totalmem"] = .integer(Int64(memory.totalBytes))
            fields["freemem"] = .integer(Int64(memory.freeBytes))
            fields["swap"] = [
                "total": .integer(Int64(memory.swapTotalBytes)), "free": .integer(Int64(memory.swapFreeBytes)),
            ]
        }
        return .object(fields)
    }

    private var cpu: JSONValue {
        var fields: [String: JSONValue] = ["count": .integer(Int64(host.cpu.count))]
        if let model = host.cpu.model { fields["model"] = .string(model) }
        if let use = host.cpu.usePercent { fields["use"] = .number((use * 10).rounded() / 10) }
        return .object(fields)
    }

    private static func link(_ link: LinkStatus) -> JSONValue {
        var fields: [String: JSONValue] = [
            "serverId": .string(link.serverID?.text ?? ""), "direction": .string(link.isDialled ? "out" : "in"),
            "since": .string(link.since.text),
        ]
        if let offset = link.clockOffsetMilliseconds { fields["clockOffsetMilliseconds"] = .integer(offset) }
        return .object(fields)
    }
}
