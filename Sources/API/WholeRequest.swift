// What a request has to be before anything is done with it: a method and a target that no hop changes, and a body that is all
// here.
import Gateway
import HTTPTypes
import Hummingbird
import Replica

/// A body that breaks off is the end of its request, whether or not somebody would have read it.
struct WholeRequest: RouterMiddleware {
    typealias Context = APIContext

    let serverID: ServerID
    /// The listener's, whatever a client says.
    let scheme: String

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard RequestRules.isServed(method: request.method.rawValue) else {
            throw Problem(
                .notImplemented, reason: "bad-method", detail: "nothing is served by this method", serverID: serverID)
        }
        guard RequestRules.isPlain(request.head.path ?? "") else {
            throw Problem(
                .badRequest, reason: "bad-target",
                detail: "the target has to be a path in which all that is not of a URL is percent-encoded",
                serverID: serverID)
        }
        guard context.upgrade == nil || context.route?.form.isUpgrade == true else {
            throw Problem(
                .notFound, reason: "not-found", detail: "there is no upgrade at this path", serverID: serverID)
        }
        let body = try await RequestBody.collect(request, serverID)
        var head = request.head
        head.scheme = scheme
        return try await next(Request(head: head, body: .init(buffer: body)), context)
    }
}
