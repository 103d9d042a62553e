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
