// The access log: one line for each request.
import Gateway
import HTTPTypes
import Hummingbird
import JSON
import Logging

/// Where requests are logged.
struct AccessLog: Sendable {
    let logger: Logger
    /// For requests by which members keep their links, which are many and say little.
    let linkLogger: Logger

    /// Logs a request that has been answered.
    func write(
        _ request: Request, _ context: APIContext, _ status: HTTPResponse.Status, since began: ContinuousClock.Instant
    ) {
        let isOfLinks = isOfLinks(context, status)
        (isOfLinks ? linkLogger : logger).log(
            level: isOfLinks ? .debug : .info, line(request, context, status, since: began))
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
        let path = ShownText.oneLine(Route.withoutSecret(request.uri.path, context.route))
        return "\(who) \(request.method.rawValue) \(path) \(status.code) \(milliseconds) ms \(context.requestID)"
    }
}
