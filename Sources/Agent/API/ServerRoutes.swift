// The route about servers: the members of the cluster as users see them.
import Hummingbird
import JSON

struct ServerRoutes: Sendable {
    let services: UserServices

    func add(to group: RouterGroup<APIContext>) { group.get("servers", use: list) }

    /// In the order of host names.
    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try context.requireIdentity(services.serverID)
        let servers = services.registry.servers().map(Self.shown)
        let sorted = servers.sorted { ($0.text("hostname") ?? "") < ($1.text("hostname") ?? "") }
        return .json(["servers": .array(sorted)])
    }

    private static let shownMembers = [
        "serverId", "hostname", "sessionsEnabled", "loginsEnabled", "sessions", "uniqueSessionUsers", "logins",
        "uniqueLoginUsers", "cpu", "totalmem", "freemem", "loadavg", "external", "version",
    ]

    /// What users are shown of a server update.
    static func shown(_ update: JSONValue) -> JSONValue {
        var members: [String: JSONValue] = [:]
        for name in shownMembers { members[name] = update[name] }
        return .object(members)
    }
}
