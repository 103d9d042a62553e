// The server update: what a member tells the others of itself, as a lease under server/<serverId>.
package import JSON
import OperatingSystem
package import Replica

/// What a member says of itself. `docs/operations.md` lists every field with its unit.
///
/// The document is kept as it was written: a newer version may say more, and what passes through here loses nothing.
package struct ServerUpdate: Sendable, Equatable {
    /// The member that says it, which is the one in whose lease it is.
    package let serverID: ServerID
    /// All that the member says.
    package let document: JSONValue
    /// Where it is reached, by its own word; nil where it does not say so, or not with the certificate that it serves.
    package let address: ServerAddress?
    /// Whether users may log in there; not where it does not say so.
    package let loginsEnabled: Bool
    /// Whether sessions may be started there; not where it does not say so.
    package let sessionsEnabled: Bool
    /// Whether it opens no connections to other members.
    package let isExternal: Bool
    /// Whether it takes no new logins and sessions, so that its host empties.
    package let isDraining: Bool
    /// Whether its agent has stopped, and has said so; the update is its last one then.
    package let isStopped: Bool
    /// Whether it is for one user at a time, and somebody is logged in there.
    package let isReserved: Bool

    /// What a member wrote; nil where that is not about itself.
    ///
    /// - Parameter owner: The member in whose lease it is.
    package init?(_ document: JSONValue, of owner: ServerID) {
        guard case .object = document, document["serverId"] == nil || document.text("serverId") == owner.text else {
            return nil
        }
        self.document = document
        serverID = owner
        loginsEnabled = document["loginsEnabled"] == true
        sessionsEnabled = document["sessionsEnabled"] == true
        isExternal = document["external"] == true
        isDraining = document["draining"] == true
        isStopped = document.text("state") == "stopped"
        isReserved = document["serverReservations"] == true && document.integer("logins") ?? 0 > 0
        address = ServerAddress(of: owner, urls: document.texts("urls"), document.text("certificateSHA256"))
    }

    /// What a member writes of itself.
    package init(_ content: Content) {
        document = content.document
        serverID = content.serverID
        loginsEnabled = content.takesLogins
        sessionsEnabled = content.startsSessions
        isExternal = content.isExternal
        isDraining = content.isDraining
        isStopped = content.stopReason != nil
        isReserved = content.serverReservations && content.counts.logins > 0
        address = ServerAddress(of: content.serverID, urls: content.urls, HexText.encode(content.certificateSHA256))
    }
}

extension ServerUpdate {
    /// As the host calls itself, which may be a short name; nil where the member does not say it.
    package var hostname: String? { document.text("hostname") }
    /// The URLs under which the member is reached, by its own word.
    package var urls: [String] { document.texts("urls") }
    /// The origin of what the member's process writes; nil where it does not say so.
    package var origin: Origin? { document.text("origin").flatMap { UInt64($0, radix: 16) }.map(Origin.init(raw:)) }
    /// Why its agent has stopped; nil where it has not, or has not said why.
    package var stopReason: String? { document.text("stopReason") }
    /// Users who are logged in there; zero where it does not say so.
    package var loginCount: Int { Int(clamping: document.integer("logins") ?? 0) }
    /// Sessions that run there; zero where it does not say so.
    package var sessionCount: Int { Int(clamping: document.integer("sessions") ?? 0) }
    /// Ids of the cluster keys of a member that has none but for gateways; empty for any other.
    package var gatewayKeys: [String] { document.texts("gatewayKeys") }
    /// Why other members cannot be reached from there, in words for people.
    package var unreachable: [ServerID: String] {
        guard case .object(let members)? = document["unreachable"] else { return [:] }
        var reasons: [ServerID: String] = [:]
        for (name, reason) in members.prefix(Self.unreachableCountMax) {
            if let member = ServerID(name), case .string(let reason) = reason {
                reasons[member] = Self.shortened(reason)
            }
        }
        return reasons
    }
    /// How many members an update names that cannot be reached; a member without a network could name all.
    static let unreachableCountMax = 64

    /// One line of at most 200 characters, without any that terminals obey: it goes into logs and onto those.
    package static func shortened(_ reason: String) -> String {
        String(
            reason.prefix(200).map { character in
                character.unicodeScalars.contains { $0.properties.generalCategory == .control } ? " " : character
            })
    }

    /// What the administrator of a member can do whom others cannot reach, said at that member.
    package static let adviceHere =
        "set \"urls\" in settings.json to an address that they can resolve and reach, and see that its port is open to "
        + "them (\"fastx-agent reach\" shows each step)"
    /// The same, said at the host that cannot reach it.
    package static let adviceThere =
        "set \"urls\" in its settings.json to an address that this host can resolve and reach, and see that its port is "
        + "open to this host"
    /// Memory in bytes; nil where the member does not say it.
    package var freeMemory: Int64? { document.integer("freemem") }
    /// All of the host's memory, in bytes; nil where the member does not say it.
    package var totalMemory: Int64? { document.integer("totalmem") }
    /// Over one, five and fifteen minutes; empty where the member does not say it.
    package var loadAverages: [JSONValue] { if case .array(let loads)? = document["loadavg"] { loads } else { [] } }
    /// Over one minute; nil where the member does not say it.
    package var load: Double? { loadAverages.first?.double }
    /// The values of its metrics that are numbers, by their names.
    package var numericMetrics: [String: Double] {
        guard case .object(let metrics)? = document["metrics"] else { return [:] }
        return metrics.compactMapValues(\.double)
    }
    /// How many open links it has; nil where it does not say so.
    package var linkCount: Int? { if case .array(let links)? = document["links"] { links.count } else { nil } }

    private static let shownMembers = [
        "serverId", "hostname", "sessionsEnabled", "loginsEnabled", "sessions", "uniqueSessionUsers", "logins",
        "uniqueLoginUsers", "cpu", "totalmem", "freemem", "loadavg", "external", "version", "draining", "state",
    ]

    /// The part of it that every user is shown.
    package var shown: JSONValue {
        var members: [String: JSONValue] = [:]
        for name in Self.shownMembers { members[name] = document[name] }
        return .object(members)
    }
}

/// Where a member is reached.
package struct ServerAddress: Sendable, Hashable {
    /// The member that is reached there.
    package let serverID: ServerID
    /// Name or IP address, in small letters, an IPv6 address without brackets: of the first URL that the member names.
    package let host: String
    /// 1 to 65535.
    package let port: Int
    /// SHA-256 of the certificate that it serves, 32 bytes.
    package let certificateSHA256: [UInt8]

    fileprivate init?(of serverID: ServerID, urls: [String], _ certificateSHA256: String?) {
        guard let text = urls.first, let url = try? MemberURL(text),
            let hash = certificateSHA256.flatMap(HexText.decode), hash.count == 32
        else { return nil }
        self.serverID = serverID
        host = url.endpoint.host
        port = url.endpoint.port
        self.certificateSHA256 = hash
    }
}
