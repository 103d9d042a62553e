// A session as every member sees it: the lease session/<serverId>/<sessionId>.
package import JSON
package import Replica

/// A session of a member. Its document is kept as it was written, and is what users are shown.
package struct SessionLease: Sendable, Equatable {
    /// The last part of the key: 32 hexadecimal digits, as stewards make them.
    package let id: String
    /// The member whose session it is.
    package let serverID: ServerID
    /// The account's name at that member.
    package let user: String
    /// All that the member says of it; a newer version may say more than is read here.
    package let document: JSONValue

    /// Nil where the document does not say whose session it is.
    package init?(_ document: JSONValue, id: String, of serverID: ServerID) {
        guard let user = document.text("user") else { return nil }
        self.id = id
        self.serverID = serverID
        self.user = user
        self.document = document
    }

    /// - Parameter state: What the member tells of the session itself besides.
    package init(id: String, of serverID: ServerID, hostname: String, user: String, state: [String: JSONValue]) {
        self.id = id
        self.serverID = serverID
        self.user = user
        let own: [String: JSONValue] = [
            "id": .string(id), "serverId": .string(serverID.text), "hostname": .string(hostname),
            "user": .string(user),
        ]
        document = .object(state.merging(own) { $1 })
    }

    /// Where its lease is in the map.
    package var key: LeaseKey { .session(serverID, id: id) }
}
