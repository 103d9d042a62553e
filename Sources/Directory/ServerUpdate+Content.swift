// What a member puts into its server update.
package import JSON
package import OperatingSystem
package import Replica

extension ServerUpdate {
    /// The fields that this version knows.
    package struct Content: Sendable {
        /// The member that says it.
        package let serverID: ServerID
        /// That of the member's process, by which others tell one start of it from the next.
        package let origin: Origin
        /// The URLs under which the member is reached, the best one first: others use only that.
        package var urls: [String] = []
        /// 32 bytes.
        package var certificateSHA256: [UInt8] = []
        /// The program's version number.
        package var version = ""
        /// What was read of the host just now.
        package let host: HostStatus
        /// Whether users may log in at the member.
        package var loginsEnabled = false
        /// Whether sessions may be started on the member's host.
        package var sessionsEnabled = false
        /// Whether it takes no new logins and sessions, so that its host empties.
        package var isDraining = false
        /// Why the agent stops, in the last update that it writes; nil as long as it goes on.
        package var stopReason: String?
        /// Whether it opens no connections to other members.
        package var isExternal = false
        /// Whether the configuration demands one user at a time; told for programs, nothing here heeds it.
        package var serverReservations = false
        /// What the administrator has written for other programs: the object of `static-data.json`.
        package var staticData: JSONValue = [:]
        /// The values of the metrics by their names.
        package var metrics: [String: JSONValue] = [:]
        /// What is wrong with metrics, one sentence for each, by their names.
        package var metricErrors: [String: String] = [:]
        /// Which metrics run on the host; empty where it does not say so.
        package var metricsMode = ""
        /// The links that are open now.
        package var links: [Link] = []
        /// Whether most peers say that the host's clock is wrong.
        package var isClockWrong = false
        /// Whether the member reaches full members only through gateways, though it has a full key.
        package var isPartitioned = false
        /// Of users and sessions at this moment.
        package var counts = UserCounts()
        /// Ids of the cluster keys of a member that has none but for gateways; empty for any other.
        package var gatewayKeys: [String] = []
        /// Why other members cannot be reached from here; more than `unreachableCountMax` are not told.
        package var unreachable: [ServerID: String] = [:]

        /// Everything else has a default, which says the least.
        ///
        /// - Parameter host: Is read anew for each update.
        package init(serverID: ServerID, origin: Origin, host: HostStatus) {
            self.serverID = serverID
            self.origin = origin
            self.host = host
        }
    }

    /// An open link of the member.
    package struct Link: Sendable {
        /// The member at the other end; nil where that is not known yet.
        package let peer: ServerID?
        /// Whether this member opened the connection.
        package let isDialled: Bool
        /// When it was opened, by this member's wall clock.
        package let since: WallTime
        /// How far the peer's clock is ahead; nil where that is not known yet.
        package let clockOffsetMilliseconds: Int64?

        /// A link as it is at the moment of the update.
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
    /// Those that live; what has ended does not count.
    package var sessions = 0
    /// How many users those sessions belong to.
    package var uniqueSessionUsers = 0
    /// Those that have not ended; one user may have several.
    package var logins = 0
    /// How many users those logins belong to.
    package var uniqueLoginUsers = 0
    /// Second logins, which are none of the logins above: nobody is there because of them.
    package var secondLogins = 0

    /// Zero of each.
    package init() {}
}

extension ServerUpdate.Content {
    /// What goes into the lease. A value that the host did not tell is left out rather than null.
    package var document: JSONValue {
        var fields: [String: JSONValue] = [
            "serverId": .string(serverID.text), "origin": .string(String(origin.raw, radix: 16)),
            "hostname": .string(host.hostname), "urls": .array(urls.map { .string($0) }),
            "certificateSHA256": .string(HexText.encode(certificateSHA256)), "version": .string(version),
            "kernel": .string(host.kernel), "sessions": .integer(Int64(counts.sessions)),
            "uniqueSessionUsers": .integer(Int64(counts.uniqueSessionUsers)),
            "logins": .integer(Int64(counts.logins)),
            "uniqueLoginUsers": .integer(Int64(counts.uniqueLoginUsers)),
            "secondLogins": .integer(Int64(counts.secondLogins)),
            "loggedInUsers": .array(host.loggedInUsers.map { .string($0) }), "cpu": cpu,
            "loginsEnabled": .bool(takesLogins), "sessionsEnabled": .bool(startsSessions),
            "external": .bool(isExternal), "serverReservations": .bool(serverReservations), "staticData": staticData,
            "links": .array(links.map(\.document)), "clockWrong": .bool(isClockWrong),
            "partitioned": .bool(isPartitioned),
        ]
        fields["draining"] = .bool(isDraining)
        fields["state"] = .string(stopReason == nil ? "running" : "stopped")
        if let stopReason { fields["stopReason"] = .string(stopReason) }
        if !metrics.isEmpty { fields["metrics"] = .object(metrics) }
        if !metricErrors.isEmpty { fields["metricErrors"] = .object(metricErrors.mapValues { .string($0) }) }
        if !metricsMode.isEmpty { fields["metricsMode"] = .string(metricsMode) }
        if !gatewayKeys.isEmpty { fields["gatewayKeys"] = .array(gatewayKeys.map { .string($0) }) }
        if !unreachable.isEmpty {
            let told = unreachable.sorted { $0.key < $1.key }.prefix(ServerUpdate.unreachableCountMax)
            fields["unreachable"] = .object(
                Dictionary(told.map { ($0.key.text, .string(ServerUpdate.shortened($0.value))) }) { $1 })
        }
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

    /// Members of earlier versions know nothing of draining and stopping: to them it is a member that takes nobody.
    var takesLogins: Bool { loginsEnabled && !isDraining && stopReason == nil }
    /// The same of sessions.
    var startsSessions: Bool { sessionsEnabled && !isDraining && stopReason == nil }

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
