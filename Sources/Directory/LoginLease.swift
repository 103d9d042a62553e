// A login as every member sees it: the lease login/<serverId>/<loginId>.
package import JSON
package import Replica

/// A user's login at a member. Its document is kept as it was written.
package struct LoginLease: Sendable, Equatable {
    /// The last part of the key, unique at the member of the login.
    package let id: String
    /// The member that the user is logged in at.
    package let serverID: ServerID
    /// The account's name at that member.
    package let user: String
    /// All that the member says of it; a newer version may say more than is read here.
    package let document: JSONValue

    /// Nil where the document does not say whose login it is.
    package init?(_ document: JSONValue, id: String, at serverID: ServerID) {
        guard let user = document.text("user") else { return nil }
        self.id = id
        self.serverID = serverID
        self.user = user
        self.document = document
    }

    /// What a member writes of a login of its own.
    ///
    /// - Parameters:
    ///   - lastSeen: When the login's token was used last.
    ///   - address: The IP address that the user came from.
    ///   - userAgent: What the browser calls itself.
    ///   - hasLink: Whether the user's steward is connected.
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

    /// The claim of a login by the kernel's word: a user of its host has asked for one start at another member. It ends
    /// with the answer, and nobody but the host's agent has its token.
    package static let oneStartClaim = "fastx/one-start"

    /// The claim of a second login: a user's leave to have sessions started at the member, and nothing else.
    package static let secondLoginClaim = "fastx/daemon"

    /// Whether it is a second login, which has no token and lets nobody in.
    package var isSecondLogin: Bool { document.texts("claims").contains(Self.secondLoginClaim) }

    /// Where its lease is in the map.
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
