// A session as every member sees it: the lease session/<serverId>/<sessionId>.
package import JSON
package import Replica

/// A session of a member. Its document is kept as it was written, and is what users are shown.
package struct SessionLease: Sendable, Equatable {
    package let id: String
    /// The member whose session it is.
    package let serverID: ServerID
    package let user: String
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

    package var key: LeaseKey { .session(serverID, id: id) }
}
