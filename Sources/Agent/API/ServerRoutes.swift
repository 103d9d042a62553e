// The route about servers: the members of the cluster as users see them.
import Directory
import Hummingbird
import JSON

struct ServerRoutes: Sendable {
    let services: UserServices

    func add(to group: RouterGroup<APIContext>) { group.get("servers", use: list) }

    /// In the order of host names.
    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try context.requireIdentity(services.serverID)
        let updates = services.registry.servers().map(\.update)
        let sorted = updates.sorted { ($0.hostname ?? "") < ($1.hostname ?? "") }
        return .json(["servers": .array(sorted.map(\.shown))])
    }
}
