// Who wants to be placed, and what scripts are told of him.
package import JSON
package import Placement
package import Replica

/// A login or a start that needs a server.
package struct PlacementRequest: Sendable {
    package let purpose: Purpose
    /// The user's name: for a login as it was given, by somebody who has proved nothing.
    package let user: String
    /// The server that the user asks for; nil where he leaves it open.
    package let named: ServerID?
    /// What is known of the user's login; empty before there is one.
    package var claims: [String: JSONValue] = [:]
    /// Names of the user's groups on this host; empty before he has logged in.
    package var groups: [String] = []
    package var isManager = false
    package var isAdmin = false
    /// What the user sent, without secrets.
    package let data: JSONValue

    package init(_ purpose: Purpose, user: String, named: ServerID?, data: JSONValue) {
        self.purpose = purpose
        self.user = user
        self.named = named
        self.data = data
    }

    /// The input object of scripts, without `servers` and `local`.
    ///
    /// - Parameter sessions: The user's, at all members.
    func input(sessions: [JSONValue]) -> JSONValue {
        var user = claims
        user["login"] = .string(self.user)
        user["serverId"] = .string(named?.text ?? "")
        user["sessions"] = .array(sessions)
        return [
            "action": .string(purpose.rawValue), "user": .object(user),
            "userGroups": .array(groups.map { .string($0) }), "isManager": .bool(isManager),
            "isAdmin": .bool(isAdmin), "data": data,
        ]
    }
}
