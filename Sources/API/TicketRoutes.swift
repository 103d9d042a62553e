// The route that makes tickets: a browser that is at another member is told where to open a display directly.
import Accounts
import Displays
import Gateway
import HTTPTypes
import Hummingbird
import JSON
import MemberConfiguration
import Replica

/// Tickets for displays.
struct TicketRoutes: RouteGroup {
    let member: ThisMember
    let sessions: SessionBook
    let tickets: DisplayTickets

    var handlers: [Route: Handler] { [.makeTicket: makeTicket] }

    /// Makes a ticket where there is something to try directly: the request was carried here, and neither this member nor
    /// the carrier (see `RoutingMiddleware`) keeps browsers from it.
    private func makeTicket(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, identity) = try await sessions.session(named: context, member.serverID)
        let urls = await directURLs(of: session.id)
        // On this host's own socket there is no login that a ticket could end with.
        guard context.carrier != nil, identity.loginID != nil, !urls.isEmpty else {
            return Self.noTicket(carrier: context.carrier)
        }
        let ticket = tickets.make(for: identity, sessionID: session.id, at: .now)
        return Self.answer(ticket: ticket, urls: urls, carrier: context.carrier)
    }

    /// What is answered where there is nothing to try.
    ///
    /// - Parameter carrier: The member through which the browser comes; nil where it is at the session's own member.
    static func noTicket(carrier: ServerID?) -> Response { answer(ticket: nil, urls: [], carrier: carrier) }

    private static func answer(ticket: String?, urls: [String], carrier: ServerID?) -> Response {
        .json(
            [
                "ticket": .text(ticket), "seconds": .integer(DisplayTickets.lifetime.components.seconds),
                "urls": .array(urls.map { .string($0) }), "carrier": .text(carrier?.text),
            ], status: .ok, [.cacheControl: "no-store"])
    }

    /// Where a browser may try to open the display of a session of this member; empty where it should not.
    private func directURLs(of id: String) async -> [String] {
        let configuration = member.configuration
        guard !configuration.settings.forceIndirect, !configuration.cluster.external else { return [] }
        return await member.urls().compactMap(DirectOrigin.of).map { origin in
            "\(origin)\(Route.display.path(id))"
        }
    }
}
