// The outermost layer of the HTTP interface: one line for each request, and every error as a problem document.
import Gateway
import HTTPTypes
import Hummingbird
import JSON
import Logging
import Replica

/// Logs requests, and turns what was thrown into an answer.
struct AccessLog: RouterMiddleware {
    typealias Context = APIContext

    let serverID: ServerID
    let logger: Logger
    /// For requests by which members keep their links, which are many and say little.
    let linkLogger: Logger

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let began = ContinuousClock.now
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
        let isOfLinks = isOfLinks(context, response.status)
        (isOfLinks ? linkLogger : logger).log(
            level: isOfLinks ? .debug : .info, line(request, context, response.status, since: began))
        return response
    }

    /// Members ask again and again, and what is refused to one that wants a link is a warning already.
    private func isOfLinks(_ context: APIContext, _ status: HTTPResponse.Status) -> Bool {
        guard context.route?.form.audience == .members else { return false }
        return context.upgrade != nil || status.kind == .successful
    }

    /// What is logged of a request. Neither the query nor any field: they are where secrets travel.
    private func line(
        _ request: Request, _ context: APIContext, _ status: HTTPResponse.Status, since began: ContinuousClock.Instant
    ) -> Logger.Message {
        let milliseconds = (((ContinuousClock.now - began) / .milliseconds(1)) * 10).rounded() / 10
        let who = ShownText.oneLine(context.clientAddress) + (context.carrier.map { " through \($0)" } ?? "")
        let path = ShownText.oneLine(Route.withoutSecret(request.uri.path))
        return "\(who) \(request.method.rawValue) \(path) \(status.code) \(milliseconds) ms \(context.requestID)"
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
