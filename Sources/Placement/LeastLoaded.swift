// Which members a login or a session goes to that no user and no script has named a member for.
import Directory
import JSON
package import Replica

extension Purpose {
    /// How many of them a member has.
    fileprivate func count(_ update: ServerUpdate) -> Int {
        self == .login ? update.loginCount : update.sessionCount
    }
}

/// The rule: those with the fewest first, and behind all of these those that are doubtful.
package enum LeastLoaded {
    /// The server ids of the candidates, in the order in which to ask them.
    ///
    /// - Parameter isDoubtful: Whether a member could not be reached a moment ago.
    package static func order(
        _ candidates: Candidates, for purpose: Purpose, isDoubtful: (ServerID) -> Bool
    ) -> [ServerID] {
        let ranked = candidates.servers.map { server in
            (rank: (isDoubtful(server.serverID) ? 1 : 0, purpose.count(server), server.serverID), id: server.serverID)
        }
        return ranked.sorted { $0.rank < $1.rank }.map(\.id)
    }
}
