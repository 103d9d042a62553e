// The outermost layer of the HTTP interface: what a request is for, every error as a problem document, and a line in the log.
import Gateway
import HTTPTypes
import Hummingbird
import JSON
import Logging
import Replica

/// Finds the route of a request, and gives every answer what every answer has.
struct OutermostLayer: RouterMiddleware {
    typealias Context = APIContext

    let serverID: ServerID
    let browsers: StrictBrowser
    let log: AccessLog
    /// For what a handler could not do and does not say to its client.
    let logger: Logger

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let began = ContinuousClock.now
        var context = context
        context.route = Route.at(context.endpointPath, request.method)
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            let problem = problem(error, request, context)
            context.upgrade?.refuse(problem)
            response = try problem.response(from: request, context: context)
        }
        // A body after all would be taken for the beginning of the next answer.
        if request.method == .head { response = response.createHeadResponse() }
        response.headers[.requestID] = context.requestID
        browsers.restrict(&response.headers, context)
        log.write(request, context, response.status, since: began)
        return response
    }

    private func problem(_ error: any Error, _ request: Request, _ context: APIContext) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as HTTPError where error.status == .notFound:
            return Problem(
                .notFound, reason: "not-found",
                detail: "there is nothing at \(request.method.rawValue) \(ShownText.oneLine(request.uri.path))",
                serverID: serverID)
        case let error as any HTTPResponseError:
            return Problem(
                error.status, reason: "bad-request", detail: (error as? HTTPError)?.body ?? error.status.reasonPhrase,
                serverID: serverID)
        default:
            logger.error("request \(context.requestID) failed: \(error)")
            return Problem(
                .internalServerError, reason: "internal",
                detail: "the member could not do it; its log has the reason under the request id \(context.requestID)",
                serverID: serverID)
        }
    }
}
