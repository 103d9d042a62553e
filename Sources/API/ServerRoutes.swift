// The route about servers: the members of the cluster as users see them.
import Accounts
import Directory
import Gateway
import Hummingbird
import JSON
import Replica

/// The members of the cluster.
struct ServerRoutes: RouteGroup {
    let member: ThisMember
    let registry: Registry

    var handlers: [Route: Handler] { [.servers: list, .serverHistory: history] }

    /// In the order of host names.
    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try context.requireIdentity(member.serverID)
        let updates = registry.servers().map(\.update)
        let sorted = updates.sorted { ($0.hostname ?? "") < ($1.hostname ?? "") }
        return .json(["servers": .array(sorted.map(\.shown))])
    }

    /// As this member has heard it. Values of metrics are the administrator's business.
    private func history(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(member.serverID)
        let name = try context.parameters.require("id")
        let document = ServerID(name).flatMap {
            registry.history.document(of: $0, withMetrics: identity.role >= .admin)
        }
        guard let document else {
            throw member.problem(
                .notFound, "no-such-server",
                "\(member.hostname) has heard of no server \(ShownText.quoted(name)) in the last hour")
        }
        return .json(document)
    }
}
