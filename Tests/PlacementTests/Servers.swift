// Server updates as the tests of placements need them.
import Directory
import JSON
import Placement
import Replica
import TestSupport
import Testing

/// A member that takes logins and starts sessions, unless the fields say otherwise.
func server(_ id: ServerID, _ fields: [String: JSONValue] = [:]) throws -> ServerUpdate {
    let usual: [String: JSONValue] = [
        "serverId": .string(id.text), "hostname": .string("\(id).example.org"), "loginsEnabled": true,
        "sessionsEnabled": true, "external": false,
    ]
    return try #require(ServerUpdate(.object(usual.merging(fields) { $1 }), of: id))
}

func candidates(_ servers: [ServerUpdate], for purpose: Purpose = .session, local: ServerID = "local") -> Candidates {
    Candidates(servers, for: purpose, local: local)
}
