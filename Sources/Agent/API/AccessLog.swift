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
            response = try problem(error, request, context).response(from: request, context: context)
        }
        // A body after all would be taken for the beginning of the next answer.
        if request.method == .head { response = response.createHeadResponse() }
        response.headers[.requestID] = context.requestID
        let isOfLinks = request.uri.path.hasPrefix("\(RelayRoutes.path)/") && response.status.kind == .successful
        (isOfLinks ? linkLogger : logger).log(
            level: isOfLinks ? .debug : .info,
            Self.line(
                client: context.clientAddress, carrier: context.carrier, request.method.rawValue,
                path: request.uri.path, response.status, since: began, context.requestID))
        return response
    }

    /// What is logged of a request. Neither the query nor any field: they are where secrets travel.
    static func line(
        client: String, carrier: ServerID?, _ method: String, path: String, _ status: HTTPResponse.Status,
        since began: ContinuousClock.Instant, _ requestID: String
    ) -> Logger.Message {
        let milliseconds = (ContinuousClock.now - began) / .milliseconds(1)
        let who = ShownText.oneLine(client) + (carrier.map { " through \($0)" } ?? "")
        return
            "\(who) \(method) \(shown(path)) \(status.code) \((milliseconds * 10).rounded() / 10) ms \(requestID)"
    }

    /// Whoever knows the name of an attempt to log in may answer for it, and a carried stream is named by its nonce, so
    /// these names are left out.
    private static func shown(_ path: String) -> String {
        for secret in ["/api/v1/login/", "/cluster/streams/"] where path.hasPrefix(secret) { return "\(secret)..." }
        return ShownText.oneLine(path)
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
