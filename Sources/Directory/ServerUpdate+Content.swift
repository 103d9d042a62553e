// What a member puts into its server update.
package import JSON
package import OperatingSystem
package import Replica

extension ServerUpdate {
    /// The fields that this version knows.
    package struct Content: Sendable {
        package let serverID: ServerID
        package let origin: Origin
        package var urls: [String] = []
        /// 32 bytes.
        package var certificateSHA256: [UInt8] = []
        package var version = ""
        package let host: HostStatus
        package var loginsEnabled = false
        package var sessionsEnabled = false
        package var isExternal = false
        package var serverReservations = false
        package var staticData: JSONValue = [:]
        package var links: [Link] = []
        package var isClockWrong = false
        package var isPartitioned = false
        package var counts = UserCounts()
        /// Ids of the cluster keys of a member that has none but for gateways; empty for any other.
        package var gatewayKeys: [String] = []

        package init(serverID: ServerID, origin: Origin, host: HostStatus) {
            self.serverID = serverID
            self.origin = origin
            self.host = host
        }
    }

    /// An open link of the member.
    package struct Link: Sendable {
        package let peer: ServerID?
        package let isDialled: Bool
        package let since: WallTime
        /// How far the peer's clock is ahead; nil where that is not known yet.
        package let clockOffsetMilliseconds: Int64?

        package init(peer: ServerID?, isDialled: Bool, since: WallTime, clockOffsetMilliseconds: Int64?) {
            self.peer = peer
            self.isDialled = isDialled
            self.since = since
            self.clockOffsetMilliseconds = clockOffsetMilliseconds
        }
    }
}

/// How many users and sessions a member has.
package struct UserCounts: Sendable {
    package var sessions = 0
    package var uniqueSessionUsers = 0
    package var logins = 0
    package var uniqueLoginUsers = 0

    package init() {}
}

extension ServerUpdate.Content {
    package var document: JSONValue {
        var fields: [String: JSONValue] = [
            "serverId": .string(serverID.text), "origin": .string(String(origin.raw, radix: 16)),
            "hostname": .string(host.hostname), "urls": .array(urls.map { .string($0) }),
            "certificateSHA256": .string(HexText.encode(certificateSHA256)), "version": .string(version),
            "kernel": .string(host.kernel), "sessions": .integer(Int64(counts.sessions)),
            "uniqueSessionUsers": .integer(Int64(counts.uniqueSessionUsers)),
            "logins": .integer(Int64(counts.logins)),
            "uniqueLoginUsers": .integer(Int64(counts.uniqueLoginUsers)),
            "loggedInUsers": .array(host.loggedInUsers.map { .string($0) }), "cpu": cpu,
            "loginsEnabled": .bool(loginsEnabled), "sessionsEnabled": .bool(sessionsEnabled),
            "external": .bool(isExternal), "serverReservations": .bool(serverReservations), "staticData": staticData,
            "links": .array(links.map(\.document)), "clockWrong": .bool(isClockWrong),
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
}

extension ServerUpdate.Link {
    fileprivate var document: JSONValue {
        var fields: [String: JSONValue] = [
            "serverId": .string(peer?.text ?? ""), "direction": .string(isDialled ? "out" : "in"),
            "since": .string(since.text),
        ]
        if let clockOffsetMilliseconds { fields["clockOffsetMilliseconds"] = .integer(clockOffsetMilliseconds) }
        return .object(fields)
    }
}
