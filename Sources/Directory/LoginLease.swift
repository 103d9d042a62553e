// A login as every member sees it: the lease login/<serverId>/<loginId>.
package import JSON
package import Replica

/// A user's login at a member. Its document is kept as it was written.
package struct LoginLease: Sendable, Equatable {
    package let id: String
    /// The member that the user is logged in at.
    package let serverID: ServerID
    package let user: String
    package let document: JSONValue

    /// Nil where the document does not say whose login it is.
    package init?(_ document: JSONValue, id: String, at serverID: ServerID) {
        guard let user = document.text("user") else { return nil }
        self.id = id
        self.serverID = serverID
        self.user = user
        self.document = document
    }

    package init(
        id: String, at serverID: ServerID, user: String, groups: [String], since: WallTime, lastSeen: WallTime,
        address: String, userAgent: String, hasLink: Bool, claims: [String]
    ) {
        self.id = id
        self.serverID = serverID
        self.user = user
        document = [
            "loginId": .string(id), "serverId": .string(serverID.text), "user": .string(user),
            "groups": .array(groups.map { .string($0) }), "since": .string(since.text),
            "lastSeen": .string(lastSeen.text), "address": .string(address), "userAgent": .string(userAgent),
            "link": .bool(hasLink), "claims": .array(claims.map { .string($0) }),
        ]
    }

    package var key: LeaseKey { .login(serverID, id: id) }

    /// What users are shown of it.
    ///
    /// - Parameter isCurrent: Whether it is the one that asks.
    package func shown(isCurrent: Bool) -> JSONValue {
        let since = document.text("since") ?? ""
        return [
            "id": .string(id), "serverId": .string(serverID.text), "user": .string(user), "since": .string(since),
            "lastSeen": .string(document.text("lastSeen") ?? since),
            "address": .string(document.text("address") ?? ""),
            "userAgent": .string(document.text("userAgent") ?? ""), "current": .bool(isCurrent),
            "link": .bool(document["link"] == true),
            "claims": .array(document.texts("claims").map { .string($0) }),
        ]
    }
}
