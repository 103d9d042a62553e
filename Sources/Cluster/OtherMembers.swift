// The other members, as users' requests need them: which there are, which of them to ask, and the way to them.
package import Directory
package import Gateway
import HTTPTypes
package import Replica

/// What is decided about other members before a request is carried to one.
package struct OtherMembers: Sendable {
    let serverID: ServerID
    /// What the map says of members, logins and sessions.
    package let registry: Registry
    /// Carries requests to them.
    package let proxy: MemberProxy
    /// On an external member those that hold a link to it.
    let exchange: RelayExchange
    let reachability: Reachability

    package init(
        serverID: ServerID, registry: Registry, proxy: MemberProxy, exchange: RelayExchange, reachability: Reachability
    ) {
        self.serverID = serverID
        self.registry = registry
        self.proxy = proxy
        self.exchange = exchange
        self.reachability = reachability
    }

    /// Those that a login or a session may go to which nobody has named a member for, in the order in which to ask them.
    package func servers(for purpose: Purpose) -> [ServerID] {
        LeastLoaded.order(
            registry.servers().map(\.update), for: purpose, linked: exchange.linkedMembers,
            isDoubtful: { reachability.isDoubtful($0) }
        ).filter { $0 != serverID }
    }

    /// Refuses a server id that a user gave and that is no member's.
    package func requireKnown(_ server: ServerID) throws(Problem) {
        if let update = registry.update(of: server), update.isStopped {
            throw Problem(
                .unprocessableContent, reason: "stopped",
                detail: "\(update.hostname ?? server.text) has stopped (\(update.stopReason ?? "it did not say why")); "
                    + "choose another member", serverID: serverID)
        }
        guard registry.address(of: server) == nil else { return }
        throw Problem(
            .unprocessableContent, reason: "unknown-server",
            detail: "\(server) is no member that has told of itself in the last 90 s; see /api/v1/servers",
            serverID: serverID)
    }

    /// The other member that a name belongs to which begins with its server id, as those of attempts to log in do.
    package func otherServer(inName name: String) -> ServerID? {
        guard let dash = name.lastIndex(of: "-"), let server = ServerID(name[..<dash]) else { return nil }
        return server == serverID || registry.address(of: server) == nil ? nil : server
    }
}
