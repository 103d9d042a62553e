// The routes about placements: how servers were chosen, what would be chosen, where to log in by SSH, types for scripts.
import Accounts
import Cluster
import Directory
import Gateway
import Glibc
import Hummingbird
import JSON
import MemberConfiguration
import NIOCore
import OperatingSystem
import Placement
import Replica

/// What this member keeps of its placements, trials, and choices for logins elsewhere than in the browser.
struct PlacementRoutes: RouteGroup {
    let member: ThisMember
    let others: OtherMembers
    let installed: InstalledPages

    var handlers: [Route: Handler] {
        [.placements: list, .placement: get, .tryPlacement: tryOut, .choose: choose, .scriptTypes: types]
    }

    private var placer: Placer { others.placer }

    /// Traces that are told at once.
    private static let listedCountMax = 100

    private func requireAdmin(_ context: APIContext) throws {
        guard try context.requireIdentity(member.serverID).role >= .admin else {
            throw member.problem(.forbidden, "admins-only", "only administrators may see how all servers were chosen")
        }
    }

    /// The newest first.
    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        try requireAdmin(context)
        return .json(["placements": .array(placer.log.latest(Self.listedCountMax))])
    }

    private func get(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(member.serverID)
        guard let kept = placer.log[try context.parameters.require("id")], identity.mayManage(kept.user) else {
            throw member.problem(
                .notFound, "no-such-placement",
                "\(member.hostname) keeps no such placement: its latest \(PlacementLog.traceCountMax) are kept, until "
                    + "its agent ends")
        }
        // What scripts print is the administrator's business.
        return .json(identity.role >= .admin ? kept.document : PlacementTrace.shown(kept.document))
    }

    private func tryOut(_ request: Request, _ context: APIContext) async throws -> Response {
        try requireAdmin(context)
        let trial = try await RequestBody.read(request, member.serverID) { PlacementTrial(&$0) }
        let configuration = member.configuration.settings.logins
        return .json(try await trial.run(by: placer) { try PlacedUser(named: $0, configuration) })
    }

    /// What scripts are given and may return, for editors. It is the same for everybody, and comes with the program.
    private func types(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try context.requireIdentity(member.serverID)
        guard let path = installed.scriptTypes else {
            throw member.problem(
                .serviceUnavailable, "not-installed",
                "the files of scripts are not installed on \(member.hostname); its administrator installs them with "
                    + "\"make install\", see README.md")
        }
        let bytes = try HostFile.bytes(at: path)
        return Response(
            status: .ok, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-cache"],
            body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    // MARK: Choosing

    /// Which host a user is to log in at, where the login itself is not this member's business.
    private func choose(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(member.serverID)
        let (user, data) = try await RequestBody.read(request, member.serverID, Self.choice)
        let isHostOwner = context.peerUser != nil && (identity.uid == 0 || identity.uid == geteuid())
        guard user == identity.user || isHostOwner || identity.role >= .admin else {
            throw member.problem(
                .forbidden, "not-yourself",
                "\(identity.user) may ask for \(identity.user) alone; root, the agent's user and administrators may ask "
                    + "for anybody")
        }
        let wish = PlacementRequest(
            .login, user: user, named: data.text("serverId").flatMap { ServerID($0) }, data: data)
        let (server, placement) = try await others.choose(wish, isOpen: member.configuration.settings.takesLogins)
        let (host, hostname) = try await host(of: server)
        return .json(
            [
                "host": .string(host), "hostname": .string(hostname), "serverId": .string(server.text),
                "placement": .string(placement),
            ], status: .ok, [.placement: placement])
    }

    /// `user`, and `data` as scripts are told of it.
    private static func choice(_ reader: inout ObjectReader) -> (user: String, data: JSONValue)? {
        let user = reader.string("user", allowed: "a user's name", isRequired: true) { text in
            (1...256).contains(text.utf8.count) ? text : nil
        }
        let data = reader.value("data") ?? [:]
        guard case .object(var members) = data else {
            reader.reject("data", data, allowed: "an object")
            return nil
        }
        guard let user else { return nil }
        members["user"] = .string(user)
        return (user, .object(members))
    }

    /// The host of a member as SSH is to connect to it, and what it calls itself: the host of its first URL, under
    /// which the other members reach it too.
    private func host(of server: ServerID) async throws -> (host: String, hostname: String) {
        let isHere = server == member.serverID
        let urls = isHere ? await member.urls() : others.registry.urls(of: server)
        let hostname = (isHere ? member.hostname : others.registry.update(of: server)?.hostname) ?? server.text
        if let host = urls.first.flatMap({ try? MemberURL($0) })?.endpoint.host { return (host, hostname) }
        // What a member says of itself goes into command lines.
        guard HostAndPort.isHostName(hostname) else {
            throw member.problem(
                .badGateway, "no-address", "\(server) was chosen, and tells of no address that SSH could connect to")
        }
        return (hostname, hostname)
    }
}
