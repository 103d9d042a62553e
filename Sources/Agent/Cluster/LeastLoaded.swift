// Which members a login or a session goes to that no user and no script has named a member for.
import JSON
import Replica

/// What a member is chosen for.
enum Purpose {
    case login, session

    /// The member of a server update that says whether it takes such.
    fileprivate var ability: String { self == .login ? "loginsEnabled" : "sessionsEnabled" }
    /// The member of a server update that says how many it has.
    fileprivate var count: String { self == .login ? "logins" : "sessions" }
}

/// The rule: those with the fewest first, and behind all of these those that are doubtful.
enum LeastLoaded {
    /// The server ids of those that may be asked, in the order in which to ask them.
    ///
    /// - Parameters:
    ///   - servers: The updates of all members, in any order.
    ///   - linked: On an external member those that hold a link to it, since it cannot reach the others just now; empty on
    ///     any other.
    ///   - isDoubtful: Whether a member could not be reached a moment ago.
    static func order(
        _ servers: [JSONValue], for purpose: Purpose, linked: Set<ServerID>, isDoubtful: (ServerID) -> Bool
    ) -> [ServerID] {
        let eligible = servers.filter { $0[purpose.ability] == true && $0["external"] != true }.compactMap { update in
            update.text("serverId").flatMap { ServerID($0) }.map { (id: $0, count: update.integer(purpose.count) ?? 0) }
        }
        let reached = eligible.filter { linked.contains($0.id) }
        let ranked = (reached.isEmpty ? eligible : reached).map { server in
            (rank: (isDoubtful(server.id) ? 1 : 0, server.count, server.id), id: server.id)
        }
        return ranked.sorted { $0.rank < $1.rank }.map(\.id)
    }
}
