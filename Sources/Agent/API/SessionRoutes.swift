// The routes about sessions: listing, starting, renaming, ending, pictures and logs.
import Directory
import Gateway
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import OperatingSystem
import Replica
import Sessions

struct SessionRoutes: Sendable {
    /// What is before the id of a session.
    static let path = "/api/v1/sessions/"

    let services: UserServices

    func add(to group: RouterGroup<APIContext>) {
        group.get("commands", use: commands)
        group.get("sessions", use: list)
        group.post("sessions", use: start)
        group.get("sessions/:id", use: get)
        group.patch("sessions/:id", use: rename)
        group.delete("sessions/:id", use: end)
        group.post("sessions/:id/disconnect", use: disconnect)
        group.post("sessions/:id/tickets", use: makeTicket)
        group.get("sessions/:id/screenshot", use: screenshot)
        group.get("sessions/:id/log", use: log)
    }

    static func noSuchSession(_ serverID: ServerID) -> Problem {
        Problem(
            .notFound, reason: "no-such-session",
            detail: "there is no such session on this member, or it was removed", serverID: serverID)
    }

    /// The session that a request names. Managers may see and end those of others, and do no more with them.
    func session(
        _ context: APIContext, managersToo: Bool = false
    ) async throws -> (KnownSession, Identity) {
        let identity = try context.requireIdentity(services.serverID)
        let id = try context.parameters.require("id")
        guard let session = await services.sessions[id],
            session.user == identity.user || (managersToo && identity.role >= .manager)
        else {
            if await services.sessions.isAway(id, of: identity.uid) { throw services.sessionIsAway }
            throw Self.noSuchSession(services.serverID)
        }
        return (session, identity)
    }

    private func document(_ session: KnownSession) -> JSONValue {
        session.lease(of: services.serverID, hostname: services.hostname).document
    }

    private func ask<Reply: Sendable>(
        _ work: () async throws(StewardError) -> Reply
    ) async throws -> Reply {
        do throws(StewardError) {
            return try await work()
        } catch {
            throw StewardProblem.make(error, services.serverID)
        }
    }

    // MARK: Looking

    private func commands(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try context.requireIdentity(services.serverID)
        let commands = services.member.configuration.settings.sessions.toJSON()["commands"] ?? []
        return Response.json(["commands": commands])
    }

    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(services.serverID)
        let isAll = request.uri.queryParameters.get("all") == "true"
        let sessions = await services.sessions.all.filter {
            $0.user == identity.user || (isAll && identity.role >= .manager)
        }
        let isEverybody = isAll && identity.role >= .manager
        let others = services.registry.sessions(of: isEverybody ? nil : identity.user)
        return Response.json(["sessions": .array(sessions.map(document) + others.map(\.document))])
    }

    private func get(_ request: Request, _ context: APIContext) async throws -> Response {
        Response.json(document(try await session(context, managersToo: true).0))
    }

    private func screenshot(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, _) = try await session(context)
        let text = request.uri.queryParameters.get("width") ?? "480"
        guard let width = Int(text), (16...4_096).contains(width) else {
            throw services.problem(
                .unprocessableContent, "bad-width", "width has to be a whole number of pixels, 16 to 4096")
        }
        let picture = try await ask { () throws(StewardError) in
            try await services.stewards.screenshot(session.uid, id: session.id, maxWidth: width)
        }
        return Response(
            status: .ok, headers: [.contentType: "image/jpeg", .cacheControl: "private, max-age=5"],
            body: .init(byteBuffer: ByteBuffer(bytes: picture)))
    }

    private func log(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, _) = try await session(context)
        let text = try await ask { () throws(StewardError) in
            try await services.stewards.sessionLog(session.uid, id: session.id)
        }
        return Response(
            status: .ok, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: text)))
    }

    // MARK: Changing

    private func start(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(services.serverID)
        let settings = services.member.configuration.settings
        let body = try await RequestBody.collect(request, services.serverID)
        let (start, server) = try RequestBody.parse(request, body, services.serverID, Self.content)
        do throws(StewardError) {
            try start.validate()
        } catch {
            throw StewardProblem.make(error, services.serverID)
        }
        if let server, server != services.serverID { try services.requireKnown(server) }
        let others = server.map { [$0] } ?? (settings.sessionsEnabled ? [] : services.servers(for: .session))
        if !others.isEmpty, others != [services.serverID] {
            return try await services.proxy.forward(request, body: body, context: context, toFirstOf: others)
        }
        guard settings.sessionsEnabled else {
            throw services.problem(
                .forbidden, "sessions-disabled",
                "this member starts no sessions, and knows no other member that does just now")
        }
        guard await services.sessions.livingCount < settings.sessions.perServerMax else {
            throw services.problem(
                .tooManyRequests, "limit-reached",
                "\(settings.sessions.perServerMax) sessions run on this member, as many as it may have; end one, or start "
                    + "yours on another member")
        }
        guard let user = try identity.uid.flatMap({ try UnixUser.withID($0) }) else {
            throw services.problem(
                .forbidden, "no-such-user",
                "\(identity.user) has no account on \(services.hostname) that may start sessions")
        }
        try await services.logins.launchSteward(for: user, settings.logins)
        let report = try await ask { () throws(StewardError) in try await services.stewards.start(user.uid, start) }
        return .json(
            document(KnownSession(uid: user.uid, user: user.name, report: report)), status: .created,
            [.location: "\(Self.path)\(report.id)", .sessionServer: services.serverID.text])
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
        let name = try await RequestBody.read(request, services.serverID) { reader in
            reader.string("name", allowed: "a name", isRequired: true) { $0 }
        }
        _ = try await ask { [session] () throws(StewardError) in
            try SessionStart.validate(name: name)
            return try await services.stewards.request(session.uid, .rename(id: session.id, name: name))
        }
        session.report.name = name
        return Response.json(document(session))
    }

    /// Ends a living session; removes one that has ended.
    private func end(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, _) = try await session(context, managersToo: true)
        let isLiving = session.report.state.isLiving
        _ = try await ask { () throws(StewardError) in
            try await services.stewards.request(
                session.uid, isLiving ? .terminate(id: session.id) : .purge(id: session.id))
        }
        return Response(status: .noContent)
    }

    private func disconnect(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, _) = try await session(context)
        await services.sessions.disconnectViewers(of: session.id, DisplayRoute.displaced)
        return Response(status: .noContent)
    }
}
