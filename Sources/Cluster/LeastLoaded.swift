// Which members a login or a session goes to that no user and no script has named a member for.
package import Directory
import JSON
package import Replica

/// What a member is chosen for.
package enum Purpose {
    case login, session

    fileprivate func isTaken(by update: ServerUpdate) -> Bool {
        self == .login ? update.loginsEnabled : update.sessionsEnabled
    }

    /// How many of them a member has.
    fileprivate func count(_ update: ServerUpdate) -> Int {
        self == .login ? update.loginCount : update.sessionCount
    }
}

/// The rule: those with the fewest first, and behind all of these those that are doubtful.
package enum LeastLoaded {
    /// The server ids of those that may be asked, in the order in which to ask them.
    ///
    /// - Parameters:
    ///   - servers: The updates of all members, in any order.
    ///   - linked: On an external member those that hold a link to it, since it cannot reach the others just now; empty on
    ///     any other.
    ///   - isDoubtful: Whether a member could not be reached a moment ago.
    package static func order(
        _ servers: [ServerUpdate], for purpose: Purpose, linked: Set<ServerID>, isDoubtful: (ServerID) -> Bool
    ) -> [ServerID] {
        let eligible = servers.filter { server in
            purpose.isTaken(by: server) && !server.isExternal && !server.isDraining && !server.isStopped
        }
        let reached = eligible.filter { linked.contains($0.serverID) }
        let ranked = (reached.isEmpty ? eligible : reached).map { server in
            (rank: (isDoubtful(server.serverID) ? 1 : 0, purpose.count(server), server.serverID), id: server.serverID)
        }
        return ranked.sorted { $0.rank < $1.rank }.map(\.id)
    }
}
