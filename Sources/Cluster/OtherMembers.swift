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
    /// Chooses among them, and this one.
    package let placer: Placer

    package init(serverID: ServerID, registry: Registry, proxy: MemberProxy, placer: Placer) {
        self.serverID = serverID
        self.registry = registry
        self.proxy = proxy
        self.placer = placer
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
