// Puts who asks into the context of each request: by a cookie, a token, a ticket, or the kernel's word.
import Accounts
import Displays
import Gateway
import HTTPTypes
import Hummingbird
import Replica

/// Puts the identity into the context of each request.
struct IdentityMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let authentication: Authentication
    let tickets: DisplayTickets

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        // The pages are everybody's, and members prove what they are in another way.
        guard context.route?.form.audience == .users else { return try await next(request, context) }
        var context = context
        if let ticket = context.ticket {
            context.identity = try await identity(of: ticket, context)
        } else if let peer = context.peerUser {
            if let uid = try await peer.get() { context.identity = try await authentication.identity(ofPeer: uid) }
        } else {
            context.identity = try await authentication.identity(
                method: request.method.rawValue, cookies: request.headers[values: .cookie],
                authorization: request.headers[.authorization], csrfToken: request.headers[.csrfToken],
                origin: request.headers[.origin], host: request.head.authority)
        }
        return try await next(request, context)
    }

    /// Whose ticket it is, where it is good for the session that is asked for and his login lasts. It alone decides: the
    /// page that offers it is another member's, and a cookie that came along would prove nothing.
    private func identity(of ticket: String, _ context: APIContext) async throws(Problem) -> Identity {
        let id = context.parameters.get("id") ?? ""
        guard let identity = tickets.use(ticket, sessionID: id, at: .now) else {
            throw Problem(
                .unauthorized, reason: "bad-ticket",
                detail: "the ticket is not one of this member for this session, or it was used, or it is older than "
                    + "\(DisplayTickets.lifetime.components.seconds) s; ask for another one",
                serverID: authentication.serverID)
        }
        guard await authentication.isStillLoggedIn(identity) else {
            throw APIContext.notLoggedIn(authentication.serverID)
        }
        return identity
    }
}

/// On this host's socket for users the kernel says who asks. What comes in elsewhere without an address, such as a
/// connection whose bytes were carried, has to log in.
struct PeerUserMiddleware: RouterMiddleware {
    typealias Context = APIContext

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.peerUser = SocketPeer.user(of: context.channel)
        return try await next(request, context)
    }
}

extension APIContext {
    /// The ticket that an upgrade comes with, if it does.
    var ticket: String? { upgrade.flatMap { DisplayTickets.ticket(in: $0.offered) } }

    /// The user who asks.
    func requireIdentity(_ serverID: ServerID) throws(Problem) -> Identity {
        if let identity { return identity }
        throw Self.notLoggedIn(serverID)
    }

    static func notLoggedIn(_ serverID: ServerID) -> Problem {
        Problem(
            .unauthorized, reason: "not-logged-in", detail: "log in first: there is no login, or it has ended",
            serverID: serverID)
    }
}
