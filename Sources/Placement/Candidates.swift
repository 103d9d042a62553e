// Which members a placement chooses among, and why the others are left out.
package import Directory
package import Replica

/// Why a member is no candidate.
package enum Exclusion: Sendable, Equatable, CustomStringConvertible {
    /// Its settings do not allow it.
    case off(Purpose)
    /// Its administrator empties it.
    case draining
    /// Its agent has stopped; the reason, where it gave one.
    case stopped(String?)
    /// Somebody is logged in there, and it is for one user at a time.
    case reserved
    /// It opens no connections to other members; users come to it by its own address.
    case external
    /// This member does not reach it; why.
    case unreachable(String)

    /// What stands after the member's name: "starts no sessions".
    package var description: String {
        switch self {
        case .off(.login): "takes no logins"
        case .off(.session): "starts no sessions"
        case .draining: "is being emptied"
        case .stopped(let reason): "has stopped (\(reason ?? "it did not say why"))"
        case .reserved: "is reserved by the user who is logged in there"
        case .external: "is an external member, which users come to by its own address"
        case .unreachable(let reason): "cannot be reached from here (\(reason))"
        }
    }
}

/// The members that one placement chooses among.
package struct Candidates: Sendable {
    /// Ordered by server id: a script's answers tell them by their place in here.
    package private(set) var servers: [ServerUpdate]
    /// The other members that are known, and why they are left out.
    package private(set) var excluded: [ServerID: Exclusion]
    /// Names of those left out, for messages.
    private var excludedNames: [ServerID: String] = [:]

    /// - Parameters:
    ///   - servers: The updates of all members, ordered by server id.
    ///   - local: The member that places: it is reached, and may be external itself.
    ///   - linked: On an external member those that hold a link to it, since it reaches no others just now; empty on
    ///     any other.
    ///   - unreachable: Why a member cannot be reached from here; nil for one that can, or that nothing is known of.
    package init(
        _ servers: [ServerUpdate], for purpose: Purpose, local: ServerID, linked: Set<ServerID> = [],
        unreachable: (ServerID) -> String? = { _ in nil }
    ) {
        self.servers = []
        self.servers.reserveCapacity(servers.count)
        excluded = [:]
        for server in servers {
            let isHere = server.serverID == local
            let away: Exclusion? =
                if isHere {
                    nil
                } else if server.isExternal {
                    .external
                } else if !linked.isEmpty, !linked.contains(server.serverID) {
                    .unreachable("it holds no link to this external member")
                } else {
                    unreachable(server.serverID).map { .unreachable($0) }
                }
            guard let reason = Self.settings(server, purpose) ?? away else {
                self.servers.append(server)
                continue
            }
            exclude(server, reason)
        }
    }

    /// Those that are left once a member has turned out not to be reached.
    package func without(_ server: ServerID, because reason: String) -> Candidates {
        var rest = self
        guard let index = rest.servers.firstIndex(where: { $0.serverID == server }) else { return rest }
        rest.exclude(rest.servers.remove(at: index), .unreachable(reason))
        return rest
    }

    /// Whether a member is among them.
    package func contains(_ server: ServerID) -> Bool { servers.contains { $0.serverID == server } }

    /// What people call a member; its id where it has no name.
    package func name(of server: ServerID) -> String {
        servers.first { $0.serverID == server }?.hostname ?? excludedNames[server] ?? server.text
    }

    private mutating func exclude(_ server: ServerUpdate, _ reason: Exclusion) {
        excluded[server.serverID] = reason
        excludedNames[server.serverID] = server.hostname
    }

    /// What the member itself says against it.
    private static func settings(_ server: ServerUpdate, _ purpose: Purpose) -> Exclusion? {
        if server.isStopped { return .stopped(server.stopReason) }
        if server.isDraining { return .draining }
        switch purpose {
        case .login:
            if !server.loginsEnabled { return .off(.login) }
            return server.isReserved ? .reserved : nil
        case .session: return server.sessionsEnabled ? nil : .off(.session)
        }
    }

    /// Why a text that a script gave is none of these; nil where it is one.
    package func mistake(in answer: String) -> String? {
        if let id = ServerID(answer) {
            if contains(id) { return nil }
            if let reason = excluded[id] { return "\(name(of: id)) (\(id)) \(reason)" }
        }
        let all = servers.map { ($0.serverID, $0.hostname) } + excludedNames.map { ($0.key, $0.value) }
        if let meant = all.first(where: { $0.1 == answer }) {
            return "that is the name of the host, and a server is told by its serverId, \"\(meant.0)\""
        }
        return "no member of that server id is known"
    }
}
