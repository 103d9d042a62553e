// The routes about sessions: listing, starting, renaming, ending, pictures and logs.
import Accounts
import Cluster
import Directory
import Displays
import Gateway
import HTTPTypes
import Hummingbird
import JSON
import MemberConfiguration
import NIOCore
import OperatingSystem
import Placement
import Replica
import Sessions

/// Sessions, at the member that has them.
struct SessionRoutes: RouteGroup {
    let member: ThisMember
    let sessions: SessionBook
    let logins: LoginService
    let others: OtherMembers
    let steps: LoginSteps

    var handlers: [Route: Handler] {
        [
            .commands: commands, .sessions: list, .startSession: start, .session: get, .renameSession: rename,
            .endSession: end, .disconnectSession: disconnect, .screenshot: screenshot, .sessionLog: log,
        ]
    }

    var stewards: StewardServer { sessions.stewards }

    private func session(_ context: APIContext, managersToo: Bool = false) async throws -> (KnownSession, Identity) {
        try await sessions.session(named: context, managersToo: managersToo, member.serverID)
    }

    private func document(_ session: KnownSession) -> JSONValue {
        session.lease(of: member.serverID, hostname: member.hostname).document
    }

    private func ask<Reply: Sendable>(
        _ work: () async throws(StewardError) -> Reply
    ) async throws -> Reply {
        do throws(StewardError) {
            return try await work()
        } catch {
            throw StewardProblem.make(error, member.serverID)
        }
    }

    // MARK: Looking

    private func commands(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try context.requireIdentity(member.serverID)
        let commands = member.configuration.settings.sessions.toJSON()["commands"] ?? []
        let mayChoose = !others.placer.hasChain(for: .session) || others.placer.asksUser(for: .session)
        return Response.json(["commands": commands, "mayChooseServer": .bool(mayChoose)])
    }

    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(member.serverID)
        let isAll = request.uri.queryParameters.get("all") == "true"
        let own = await sessions.all.filter {
            $0.user == identity.user || (isAll && identity.role >= .manager)
        }
        let isEverybody = isAll && identity.role >= .manager
        let remote = others.registry.sessions(of: isEverybody ? nil : identity.user)
        return Response.json(["sessions": .array(own.map(document) + remote.map(\.document))])
    }

    private func get(_ request: Request, _ context: APIContext) async throws -> Response {
        Response.json(document(try await session(context, managersToo: true).0))
    }

    private func screenshot(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, _) = try await session(context)
        let text = request.uri.queryParameters.get("width") ?? "480"
        guard let width = Int(text), (16...4_096).contains(width) else {
            throw member.problem(
                .unprocessableContent, "bad-width", "width has to be a whole number of pixels, 16 to 4096")
        }
        let picture = try await ask { () throws(StewardError) in
            try await stewards.screenshot(session.uid, id: session.id, maxWidth: width)
        }
        return Response(
            status: .ok, headers: [.contentType: "image/jpeg", .cacheControl: "private, max-age=5"],
            body: .init(byteBuffer: ByteBuffer(bytes: picture)))
    }

    private func log(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, _) = try await session(context)
        let text = try await ask { () throws(StewardError) in
            try await stewards.sessionLog(session.uid, id: session.id)
        }
        return Response(
            status: .ok, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: text)))
    }

    // MARK: Changing

    private func start(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(member.serverID)
        let body = try await RequestBody.collect(request, member.serverID)
        let (start, server) = try RequestBody.parse(request, body, member.serverID, Self.content)
        do throws(StewardError) {
            try start.validate()
        } catch {
            throw StewardProblem.make(error, member.serverID)
        }
        // Whoever was placed here comes with the placement. A gateway that cannot tell whose token it carries places nobody.
        if context.carrier != nil, let placement = request.headers[.placement] {
            return try await startHere(start, identity, request, context, isChosen: true, placement: placement)
        }
        if context.peerUser != nil, !request.asksToBePlaced {
            return try await startOnHost(start, identity, named: server, request, context)
        }
        var wish = PlacementRequest(.session, user: identity.user, named: server, data: try Self.sent(body))
        wish.claims = await claims(of: identity)
        wish.groups = identity.groups
        wish.isManager = identity.role >= .manager
        wish.isAdmin = identity.role >= .admin
        if context.peerUser != nil { return try await placeFromHost(wish, start, identity, request, body, context) }
        return try await others.place(wish, isOpen: member.configuration.settings.startsSessions) {
            try await request.carried(context, member.serverID, body: body)
        } here: { placement in
            try await startHere(
                start, identity, request, context, isChosen: server == member.serverID, placement: placement)
        }
    }

    /// What the user sent, as scripts are told of it.
    private static func sent(_ body: ByteBuffer) throws -> JSONValue { try JSONValue.parse(body.readableBytesView) }

    /// What a login is known by, under the names that tokens of other systems have for it too.
    private func claims(of identity: Identity) async -> [String: JSONValue] {
        guard let id = identity.loginID, let issuer = identity.issuer else { return ["sub": .string(identity.user)] }
        let lease =
            if issuer == member.serverID {
                await logins.book[id]?.lease(at: issuer, hasLink: false)
            } else {
                others.registry.login(id)
            }
        return lease?.claims(member.configuration.settings.logins) ?? ["sub": .string(identity.user)]
    }

    /// - Parameters:
    ///   - isChosen: Whether this member was named, or another one has chosen it.
    ///   - placement: Under which id the member that chose keeps how it did.
    func startHere(
        _ start: SessionStart, _ identity: Identity, _ request: Request, _ context: APIContext, isChosen: Bool,
        placement: String?
    ) async throws -> Response {
        let settings = member.configuration.settings
        guard settings.startsSessions else { throw member.closed(for: .session, isChosen: isChosen) }
        guard await sessions.livingCount < settings.sessions.perServerMax else {
            throw member.problem(
                .tooManyRequests, "limit-reached",
                "\(settings.sessions.perServerMax) sessions run on this member, as many as it may have; end one, or start "
                    + "yours on another member")
        }
        guard let user = try identity.uid.flatMap({ try UnixUser.withID($0) }) else {
            throw member.problem(
                .forbidden, "no-such-user",
                "\(identity.user) has no account on \(member.hostname) that may start sessions")
        }
        var start = start
        start.placement = placement
        let step = try await logins.prepare(
            PendingStart(start, for: user, asker: identity, hostname: member.hostname),
            from: LoginSource(address: context.clientAddress, userAgent: APIContext.userAgent(request)),
            settings.logins)
        return try await steps.answer(step)
    }

    private static func content(_ reader: inout ObjectReader) -> (SessionStart, server: ServerID?)? {
        let command = reader.string("command", allowed: "a shell command", isRequired: true) { $0 }
        let name = reader.string("name", allowed: "a name") { $0 }
        let geometry = reader.string("geometry", allowed: "a size such as \"1280x800\"", accept: Geometry.init)
        let manager = reader.string(
            "windowManager", allowed: WindowManager.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", "),
            accept: WindowManager.init(rawValue:))
        let server = reader.string("serverId", allowed: "a member's server id") { ServerID($0) }
        var params: [String: String] = [:]
        if var members = reader.object("params") {
            for (key, value) in members.takeAll() {
                if case .string(let text) = value {
                    params[key] = text
                } else {
                    members.reject(key, value, allowed: "a string")
                }
            }
        }
        guard let command else { return nil }
        let start = SessionStart(
            command: command, name: name, geometry: geometry ?? .standard, params: params, windowManager: manager)
        return (start, server)
    }

    private func rename(_ request: Request, _ context: APIContext) async throws -> Response {
        var (session, _) = try await session(context)
        let name = try await RequestBody.read(request, member.serverID) { reader in
            reader.string("name", allowed: "a name", isRequired: true) { $0 }
        }
        _ = try await ask { [session] () throws(StewardError) in
            try SessionStart.validate(name: name)
            return try await stewards.request(session.uid, .rename(id: session.id, name: name))
        }
        session.report.name = name
        return Response.json(document(session))
    }

    /// Ends a living session; removes one that has ended.
    private func end(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, _) = try await session(context, managersToo: true)
        let isLiving = session.report.state.isLiving
        _ = try await ask { () throws(StewardError) in
            try await stewards.request(
                session.uid, isLiving ? .terminate(id: session.id) : .purge(id: session.id))
        }
        return Response(status: .noContent)
    }

    private func disconnect(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, _) = try await session(context)
        await sessions.disconnectViewers(of: session.id, .displaced)
        return Response(status: .noContent)
    }
}
