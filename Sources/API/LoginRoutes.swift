// The routes about logins: logging in and out, who one is, and where one is logged in.
import Accounts
import Cluster
import Directory
import Gateway
import Gossip
import HTTPTypes
import Hummingbird
import JSON
import MemberConfiguration
import NIOCore
import Placement
import Replica
import Sessions

/// Logging in and out, and who is logged in.
struct LoginRoutes: RouteGroup {
    let member: ThisMember
    let logins: LoginService
    let authentication: Authentication
    let others: OtherMembers
    let steps: LoginSteps

    var handlers: [Route: Handler] {
        [
            .loginWays: ways, .logIn: begin, .answerLogin: answer, .cancelLogin: cancel, .logOut: logOut, .me: me,
            .logins: list, .logOutEverywhere: logOutEverywhere, .endLogin: end,
        ]
    }

    private var book: LoginBook { logins.book }

    // MARK: Logging in

    private func ways(_ request: Request, _ context: APIContext) async throws -> Response {
        let settings = member.configuration.settings
        // A gateway speaks for the member that it would carry the login to.
        let servers = settings.takesLogins || context.carrier != nil ? [] : others.placer.leastLoaded(for: .login)
        if !servers.isEmpty {
            return try await others.proxy.forward(
                try await request.carried(context, member.serverID), toFirstOf: servers)
        }
        var ways: [String: JSONValue] = [
            "serverId": .string(member.serverID.text), "hostname": .string(member.hostname),
            "loginsEnabled": .bool(settings.takesLogins),
            "ways": .array(settings.logins.ways.filter(\.authenticates).map { .string($0.rawValue) }),
            "chosenByScripts": .bool(others.placer.hasChain(for: .login)),
        ]
        if others.placer.asksUser(for: .login) {
            ways["servers"] = .array(
                others.placer.choices(for: .login).map {
                    ["serverId": .string($0.serverID.text), "hostname": .string($0.hostname ?? $0.serverID.text)]
                })
        }
        return Response.json(.object(ways))
    }

    private enum Content {
        /// - Parameter serverID: The member to log in at, where the user names one.
        case password(user: String, password: String, serverID: ServerID?)
        case code(String)

        /// The member that the user names, if he does.
        var serverID: ServerID? { if case .password(_, _, let serverID) = self { serverID } else { nil } }
    }

    private func begin(_ request: Request, _ context: APIContext) async throws -> Response {
        try checkPage(request)
        let body = try await RequestBody.collect(request, member.serverID)
        let content = try RequestBody.parse(request, body, member.serverID, Self.content)
        guard context.carrier == nil else { return try await beginHere(content, request, context) }
        switch content {
        case .password(let user, _, let named):
            let wish = PlacementRequest(.login, user: user, named: named, data: Self.shownToScripts(user, named))
            func place() async throws -> Response {
                try await others.place(wish, isOpen: member.configuration.settings.takesLogins) {
                    try await request.carried(context, member.serverID, body: body)
                } here: { _ in
                    try await beginHere(content, request, context)
                }
            }
            guard others.placer.hasChain(for: .login) else { return try await place() }
            return try await logins.placeStranger(from: context.clientAddress, place)
        case .code(let code):
            guard let server = others.otherServer(inName: code) else {
                return try await beginHere(content, request, context)
            }
            return try await others.proxy.forward(
                try await request.carried(context, member.serverID, body: body), to: server)
        }
    }

    /// What the user sent, without his password.
    private static func shownToScripts(_ user: String, _ named: ServerID?) -> JSONValue {
        var data: [String: JSONValue] = ["user": .string(user)]
        if let named { data["serverId"] = .string(named.text) }
        return .object(data)
    }

    private func beginHere(_ content: Content, _ request: Request, _ context: APIContext) async throws -> Response {
        let settings = member.configuration.settings
        guard settings.takesLogins else {
            throw member.closed(for: .login, isChosen: context.carrier != nil || content.serverID == member.serverID)
        }
        let source = LoginSource(address: context.clientAddress, userAgent: APIContext.userAgent(request))
        let step =
            switch content {
            case .password(let user, let password, _):
                try await logins.begin(user: user, password: password, from: source, settings.logins)
            case .code(let code): try await logins.begin(code: code, from: source, settings.logins)
            }
        return try await steps.answer(step)
    }

    private static func content(_ reader: inout ObjectReader) -> Content? {
        if reader.has("code") {
            return reader.string("code", allowed: "a code of up to 200 characters") { text in
                (1...200).contains(text.utf8.count) ? Content.code(text) : nil
            }
        }
        let user = reader.string("user", allowed: "a user's name", isRequired: true) { text in
            (1...256).contains(text.utf8.count) ? text : nil
        }
        let password = reader.string(
            "password", allowed: "a password of up to 1000 bytes on one line", isRequired: true, isSecret: true,
            accept: answerText)
        let serverID = reader.string("serverId", allowed: "a member's server id") { ServerID($0) }
        guard let user, let password else { return nil }
        return .password(user: user, password: password, serverID: serverID)
    }

    /// What can be typed at a prompt: the askpass helper ends it with a line end.
    private static func answerText(_ text: String) -> String? {
        text.utf8.count <= 1_000 && !text.utf8.contains { $0 == 0 || $0 == 10 || $0 == 13 } ? text : nil
    }

    private func answer(_ request: Request, _ context: APIContext) async throws -> Response {
        try checkPage(request)
        let text = try await RequestBody.read(request, member.serverID) { reader in
            reader.string(
                "answer", allowed: "an answer of up to 1000 bytes on one line", isRequired: true, isSecret: true,
                accept: Self.answerText)
        }
        let response = try await steps.answer(
            try await logins.answer(try context.parameters.require("attempt"), text, by: context.identity))
        // Where it was carried here, it was placed by another member.
        if context.carrier == nil { logins.noteAnswer(from: context.clientAddress, response.status) }
        return response
    }

    private func cancel(_ request: Request, _ context: APIContext) async throws -> Response {
        try checkPage(request)
        await logins.cancel(try context.parameters.require("attempt"), by: context.identity)
        return Response(status: .noContent)
    }

    /// A page of another site could log its visitor in as somebody else.
    private func checkPage(_ request: Request) throws {
        try authentication.checkOrigin(request.headers[.origin], host: request.head.authority)
    }

    // MARK: Logging out

    private func logOut(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(member.serverID)
        if let issuer = identity.issuer, issuer != member.serverID {
            return try await others.proxy.forward(try await request.carried(context, member.serverID), to: issuer)
        }
        if let id = identity.loginID { await book.end(id) }
        return loggedOut()
    }

    /// Ends the user's logins at all members, this one last: by its token the others are told.
    private func logOutEverywhere(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(member.serverID)
        let remote = identity.loginID == nil ? [] : others.registry.logins(of: identity.user)
        let kept = await withTaskGroup(of: ServerID?.self) { group in
            for login in remote where login.id != identity.loginID {
                group.addTask { await end(login, request, context) ? nil : login.serverID }
            }
            return await group.reduce(into: Set<ServerID>()) { kept, serverID in
                if let serverID { kept.insert(serverID) }
            }
        }
        guard kept.isEmpty else {
            throw member.problem(
                .badGateway, "unreachable",
                "your logins at \(kept.sorted().map(\.text).joined(separator: " and ")) have not been ended, because it cannot be "
                    + "reached at the moment; you are still logged in here, so that you can try again")
        }
        for login in await book.all where login.user == identity.user { await book.end(login.id) }
        if let issuer = identity.issuer, issuer != member.serverID {
            return try await others.proxy.forward(try await request.carried(context, member.serverID), to: issuer)
        }
        return loggedOut()
    }

    /// Has another member end a login; returns whether it has ended.
    private func end(_ login: LoginLease, _ request: Request, _ context: APIContext) async -> Bool {
        do {
            let asked = try await request.carried(
                context, member.serverID, body: ByteBuffer(), at: Route.endLogin.path(login.id))
            let answer = try await others.proxy.forward(asked, to: login.serverID)
            // It may have ended by itself, or its member's last word of it may be old.
            return answer.status == .noContent || answer.status == .notFound
        } catch {
            return false
        }
    }

    private func loggedOut() -> Response {
        Response(status: .noContent, headers: [.setCookie: Authentication.setCookie(nil)])
    }

    private func end(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(member.serverID)
        let id = try context.parameters.require("id")
        guard let login = await book[id], identity.mayManage(login.user) else {
            throw member.problem(.notFound, "no-such-login", "there is no such login, or it has ended already")
        }
        await book.end(login.id)
        return Response(status: .noContent)
    }

    // MARK: Looking

    private func me(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(member.serverID)
        let me: JSONValue = [
            "user": .string(identity.user), "groups": .array(identity.groups.map { .string($0) }),
            "role": .string(identity.role.rawValue), "loginId": .text(identity.loginID),
            "csrfToken": .text(identity.csrfToken), "serverId": .string(member.serverID.text),
            "hostname": .string(member.hostname),
            "hasLink": .bool(identity.uid.map(logins.stewards.isConnected) ?? false),
        ]
        return .json(me, status: .ok, [.cacheControl: "no-store"])
    }

    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(member.serverID)
        let own = await book.all.filter { identity.mayManage($0.user) }
        var documents = own.map { login in
            login.lease(at: member.serverID, hasLink: logins.stewards.isConnected(login.uid))
                .shown(isCurrent: login.id == identity.loginID)
        }
        documents += others.registry.logins(of: nil).filter { identity.mayManage($0.user) }.map {
            $0.shown(isCurrent: $0.id == identity.loginID)
        }
        return Response.json(["logins": .array(documents)])
    }
}
