// Sends requests that concern other members to them, before this member looks at them.
import Accounts
import Cluster
import Directory
import Displays
import Gateway
import HTTPTypes
import Hummingbird
import MemberConfiguration
import NIOCore
import Replica

/// Carries requests about another member, its session, login or attempt to log in, and, on a member without a full cluster
/// key, everything of users who logged in elsewhere. Whom a request concerns, its route says.
struct RoutingMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let member: ThisMember
    let sessions: SessionBook
    let logins: LoginService
    let authentication: Authentication
    let others: OtherMembers

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        if context.route?.form.audience == .users, context.upgrade != nil, context.ticket == nil {
            // Browsers let any page open a WebSocket, and send the cookies along.
            try checkOrigin(request)
        }
        guard let target = await target(of: request, context) else {
            // What this member does itself may take long, or wait for the disk, and so does not belong on the event loop.
            return try await withTaskExecutorPreference(globalConcurrentExecutor) {
                try await next(request, context)
            }
        }
        if let upgrade = context.upgrade { return try await carry(upgrade, request, context, to: target) }
        if request.method != .get, request.method != .head { try checkOrigin(request) }
        // Where everything goes through this member, there is nothing to try directly, whatever the session's own says.
        if context.route == .makeTicket, member.configuration.settings.forceIndirect {
            return TicketRoutes.noTicket(carrier: member.serverID)
        }
        let response = try await others.proxy.forward(try await request.carried(context, member.serverID), to: target)
        if context.route == .answerLogin { logins.noteAnswer(from: context.clientAddress, response.status) }
        return response
    }

    private func checkOrigin(_ request: Request) throws(Problem) {
        try authentication.checkOrigin(request.headers[.origin], host: request.head.authority)
    }

    private func carry(
        _ upgrade: UpgradeNote, _ request: Request, _ context: APIContext, to target: ServerID
    ) async throws(Problem) -> Response {
        guard let token = Self.token(of: request) else { throw APIContext.notLoggedIn(member.serverID) }
        let carried = CarriedUpgrade(
            path: request.head.path ?? "/", token: token.text, offered: upgrade.offered.map(String.init),
            way: context.way(of: request), eventLoop: context.channel.eventLoop)
        return upgrade.grant(try await others.proxy.upgrade(carried, to: target))
    }

    /// The other member that a request concerns; nil where this one answers it.
    private func target(of request: Request, _ context: APIContext) async -> ServerID? {
        // Whoever was carried here once is not carried on by this rule: two members would send him to and fro. The kernel
        // vouches for a user of this host here alone, and a ticket is good where it was made.
        guard context.carrier == nil, context.peerUser == nil, context.ticket == nil else { return nil }
        switch Self.subject(of: request, context) {
        case (.askedMember, _): return nil
        case (.attempt, let name?): return others.otherServer(inName: name)
        case (.placement, let name?):
            if let server = others.otherServer(inName: name) { return server }
        case (.login, let name?):
            if let login = others.registry.login(name) { return login.serverID }
        case (.session, let name?):
            guard context.upgrade == nil || Self.token(of: request) != nil else { return nil }
            if await sessions[name] != nil { return nil }
            if let server = others.registry.server(ofSession: name) { return server }
        case (.server, let name?):
            if let server = ServerID(name), server != member.serverID, others.registry.address(of: server) != nil {
                return server
            }
        case (.asker, _), (_, nil): break
        }
        return await judge(of: request)
    }

    private static func subject(of request: Request, _ context: APIContext) -> (Route.Subject, name: String?) {
        guard let route = context.route else { return Route.subject(ofUnknown: request.uri.path) }
        return (route.form.subject, context.parameters.first.map { String($0.value) })
    }

    /// The member to ask, where this one cannot tell whose token a request carries.
    private func judge(of request: Request) async -> ServerID? {
        guard let token = Self.token(of: request) else { return nil }
        return await authentication.judge(of: token)
    }

    private static func token(of request: Request) -> LoginToken? {
        Authentication.token(
            cookies: request.headers[values: .cookie], authorization: request.headers[.authorization])
    }
}

extension Request {
    /// What another member is asked with, for a user.
    ///
    /// - Parameters:
    ///   - body: The body, where it has been taken already.
    ///   - path: What is asked for, where it is something else.
    func carried(
        _ context: APIContext, _ serverID: ServerID, body: ByteBuffer? = nil, at path: String? = nil
    ) async throws(Problem) -> CarriedRequest {
        let whole = if let body { body } else { try await RequestBody.collect(self, serverID) }
        return CarriedRequest(
            method: method, path: path ?? head.path ?? "/", fields: headers, body: whole,
            way: context.way(of: self), eventLoop: context.channel.eventLoop)
    }
}
