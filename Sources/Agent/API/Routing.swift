// Sends requests that concern other members to them, before this member looks at them.
import Directory
import Gateway
import HTTPTypes
import Hummingbird
import Replica

/// Carries requests about another member's session, login or attempt to log in, and, on a member without a full cluster
/// key, everything of users who logged in elsewhere.
struct RoutingMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let services: UserServices

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        // Whoever was carried here once is not carried on by this rule: two members would send him to and fro.
        guard context.carrier == nil, context.peerUser == nil, let target = await target(of: request) else {
            // What this member does itself may take long, or wait for the disk, and so does not belong on the event loop.
            return try await withTaskExecutorPreference(globalConcurrentExecutor) {
                try await next(request, context)
            }
        }
        if request.method != .get, request.method != .head {
            try services.authentication.checkOrigin(request.headers[.origin], host: request.head.authority)
        }
        // Where everything goes through this member, there is nothing to try directly, whatever the session's own says.
        if Self.asksForTicket(request), services.member.configuration.settings.forceIndirect {
            return SessionRoutes.noTicket(carrier: services.serverID)
        }
        return try await services.proxy.forward(request, context: context, to: target)
    }

    private static func asksForTicket(_ request: Request) -> Bool {
        let parts = request.uri.path.split(separator: "/")
        return request.method == .post && parts.count == 5 && parts[2] == "sessions" && parts[4] == "tickets"
    }

    private func target(of request: Request) async -> ServerID? {
        let parts = request.uri.path.split(separator: "/").map(String.init)
        guard parts.count >= 3, parts[0] == "api", parts[1] == "v1" else { return nil }
        switch (parts[2], parts.count) {
        case ("login", 4): return services.otherServer(inName: parts[3])
        case ("logins", 4) where services.registry.login(parts[3]) != nil:
            return services.registry.login(parts[3])?.serverID
        case ("sessions", 4...):
            if await services.sessions[parts[3]] != nil { return nil }
            if let server = services.registry.server(ofSession: parts[3]) { return server }
            return await judge(of: request)
        default:
            return await judge(of: request)
        }
    }

    /// The member to ask, where this one cannot tell whose token a request carries.
    private func judge(of request: Request) async -> ServerID? {
        let token = Authentication.token(
            cookies: request.headers[values: .cookie], authorization: request.headers[.authorization])
        guard let token else { return nil }
        return await services.authentication.judge(of: token)
    }
}
