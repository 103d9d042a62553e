// Handlers of routes, and the router that they make together.
package import Hummingbird

/// Answers a request.
package typealias Handler = @Sendable (Request, APIContext) async throws -> Response

/// Routes that are answered by the same parts of the member.
package protocol RouteGroup: Sendable {
    /// The handler of each route of the group.
    var handlers: [Route: Handler] { get }
}

extension Router where Context == APIContext {
    /// Serves the routes of a group at the paths of the table.
    func add(_ group: any RouteGroup) {
        for (route, handler) in group.handlers {
            on(RouterPath(route.form.path), method: route.form.method, use: handler)
        }
    }
}

/// Looks up in the table what a request is for, before anything else is done with it.
struct RouteMiddleware: RouterMiddleware {
    typealias Context = APIContext

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.route = Route.at(context.endpointPath, request.method)
        return try await next(request, context)
    }
}
