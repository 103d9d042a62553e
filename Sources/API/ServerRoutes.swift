// The route about servers: the members of the cluster as users see them.
import Directory
import Gateway
import Hummingbird
import JSON

/// The members of the cluster.
struct ServerRoutes: RouteGroup {
    let member: ThisMember
    let registry: Registry

    var handlers: [Route: Handler] { [.servers: list] }

    /// In the order of host names.
    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try context.requireIdentity(member.serverID)
        let updates = registry.servers().map(\.update)
        let sorted = updates.sorted { ($0.hostname ?? "") < ($1.hostname ?? "") }
        return .json(["servers": .array(sorted.map(\.shown))])
    }
}
