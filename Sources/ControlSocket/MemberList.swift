// What `members` says.
package import Directory
import JSON
import OperatingSystem
package import Replica

/// Every member whose server update has not expired.
package struct MemberList: Sendable {
    let serverID: ServerID
    let registry: Registry
    let relay: RelayDocument
    let reach: ReachDocument

    package init(serverID: ServerID, registry: Registry, relay: RelayDocument, reach: ReachDocument) {
        self.serverID = serverID
        self.registry = registry
        self.relay = relay
        self.reach = reach
    }

    /// As JSON, in the order of their server ids.
    func make() async -> JSONValue {
        let relayLinks = await relay.links()
        var members: [JSONValue] = []
        let now = WallClock.now()
        for server in registry.servers(at: now).sorted(by: { $0.update.serverID < $1.update.serverID }) {
            let id = server.update.serverID
            var fields: [String: JSONValue] = [
                "serverId": .string(id.text), "self": .bool(id == serverID),
                "updatedMillisecondsAgo": .integer(max(0, now.millisecondsSince(server.written))),
                "update": server.update.document, "reach": reach.known(of: id),
                "unreachableFrom": reach.complaints(about: id),
            ]
            if let link = relayLinks.first(where: { $0.text("serverId") == id.text }) { fields["relay"] = link }
            members.append(.object(fields))
        }
        return .array(members)
    }
}
