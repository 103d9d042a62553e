// The WebSocket of a session's display: who may open it, and the two ends joined.
import Directory
import Gateway
import Glibc
import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import OperatingSystem
import Replica
import Sessions
import Trust

/// The upgrade at `/api/v1/sessions/<id>/display`.
struct DisplayRoute: UpgradeRoute {
    let services: UserServices

    private static let suffix = "/display"

    static func path(of id: String) -> String { "\(SessionRoutes.path)\(id)\(suffix)" }

    /// What a browser is told where it is to come back another way, or not at all.
    static let loggedOut = WebSocketEnd(code: 4401, reason: "the login has ended")
    static let displaced = WebSocketEnd(code: 4409, reason: "another viewer took the session over")
    static let ended = WebSocketEnd(code: 4410, reason: "the session has ended")

    func isResponsible(for target: String) -> Bool {
        target.hasPrefix(SessionRoutes.path) && target.hasSuffix(Self.suffix)
    }

    func admit(_ request: HTTPRequestHead, _ connection: ConnectionInfo) async throws(Problem) -> UpgradeAdmission {
        let began = ContinuousClock.now
        var way = ClientWay(
            client: connection.peerAddress, host: request.headers.first(name: "host"),
            scheme: connection.certificateHash == nil ? "http" : "https")
        var carrier: ServerID?
        let verdict: Result<UpgradeAdmission, Problem>
        do throws(Problem) {
            carrier = try self.carrier(of: request, connection)
            if carrier != nil { way = ClientWay { request.headers.first(name: $0.canonicalName) } ?? way }
            verdict = .success(try await admit(request, way, carrier, connection))
        } catch {
            verdict = .failure(error)
        }
        let status: HTTPResponse.Status =
            switch verdict {
            case .success: .switchingProtocols
            case .failure(let problem): problem.status
            }
        services.member.logs.access.info(
            AccessLog.line(
                client: way.client, carrier: carrier, request.method.rawValue,
                path: String(request.uri.prefix { $0 != "?" }), status, since: began,
                HexText.encode(RandomBytes.make(8))))
        return try verdict.get()
    }

    /// The member that carries a request for a display, if one does.
    private func carrier(of request: HTTPRequestHead, _ connection: ConnectionInfo) throws(Problem) -> ServerID? {
        guard let tokens = request.headers.first(name: HTTPField.Name.carrier.canonicalName) else { return nil }
        let authenticator = services.member.authenticator
        return try authenticator.verifyCarrier(
            tokens, method: request.method.rawValue, path: request.uri, body: [],
            certificateHash: authenticator.binding(
                served: connection.certificateHash, peerAddress: connection.peerAddress)
        ).serverID
    }

    private func admit(
        _ request: HTTPRequestHead, _ way: ClientWay, _ carrier: ServerID?, _ connection: ConnectionInfo
    ) async throws(Problem) -> UpgradeAdmission {
        let headers = request.headers
        let id = String(request.uri.dropFirst(SessionRoutes.path.count).dropLast(Self.suffix.count))
        let offered = headers[canonicalForm: "sec-websocket-protocol"]
        if let ticket = DisplayTickets.ticket(in: offered) {
            // The ticket alone decides. The page that offers it is another member's, so its origin is a foreign one, and a
            // cookie that came along would prove nothing.
            return try await open(id, identity(ofTicket: ticket, id), offered)
        }
        try services.authentication.checkOrigin(headers.first(name: "origin"), host: headers.first(name: "host"))
        let token = Authentication.token(
            cookies: headers["cookie"], authorization: headers.first(name: "authorization"))
        if let token, carrier == nil, let remote = await server(ofSession: id, token) {
            return try await services.proxy.upgrade(request, token, way, connection, to: remote)
        }
        let identity = try await services.authentication.identity(
            method: "GET", cookies: headers["cookie"], authorization: headers.first(name: "authorization"),
            csrfToken: nil, origin: nil, host: nil)
        guard let identity else { throw notLoggedIn }
        return try await open(id, identity, offered)
    }

    /// The other member to ask for a session's display: the one that has the session, or, where that is not in the map (yet)
    /// and this member cannot tell whose token it is, the one that can.
    private func server(ofSession id: String, _ token: LoginToken) async -> ServerID? {
        guard await services.sessions[id] == nil else { return nil }
        if let server = services.registry.server(ofSession: id) { return server }
        return await services.authentication.judge(of: token)
    }

    private var notLoggedIn: Problem {
        services.problem(.unauthorized, "not-logged-in", "log in first: there is no login, or it has ended")
    }

    /// Whose ticket it is, where it is good for this session and his login lasts.
    private func identity(ofTicket ticket: String, _ id: String) async throws(Problem) -> Identity {
        guard let identity = services.tickets.use(ticket, sessionID: id, at: .now) else {
            throw services.problem(
                .unauthorized, "bad-ticket",
                "the ticket is not one of this member for this session, or it was used, or it is older than "
                    + "\(DisplayTickets.lifetime.components.seconds) s; ask for another one")
        }
        guard await services.authentication.isStillLoggedIn(identity) else { throw notLoggedIn }
        return identity
    }

    /// Opens the display for a user, where the session is his.
    private func open(
        _ id: String, _ identity: Identity, _ offered: [Substring]
    ) async throws(Problem) -> UpgradeAdmission {
        let serverID = services.serverID
        // Nobody looks at the display of another user, managers neither.
        guard let session = await services.sessions[id], session.user == identity.user else {
            if await services.sessions.isAway(id, of: identity.uid) { throw services.sessionIsAway }
            throw SessionRoutes.noSuchSession(serverID)
        }
        let place = try await services.openStream(identity)
        let descriptor: OwnedDescriptor
        do throws(StewardError) {
            descriptor = try await services.stewards.openDisplay(session.uid, id: id)
        } catch {
            throw StewardProblem.make(error, serverID)
        }
        return UpgradeAdmission(subprotocol: offered.contains("binary") ? "binary" : nil) { [services] channel in
            let stream = try DisplayStream(channel: channel, descriptor: descriptor.take()) { Self.ended }
            return {
                let viewer = await services.sessions.joined(id, loginID: identity.loginID) { stream.close($0) }
                // The login may have ended while the display was opening, when there was no viewer to disconnect yet.
                if await !services.authentication.isStillLoggedIn(identity) { stream.close(Self.loggedOut) }
                await stream.wait()
                await services.sessions.left(id, viewer)
                withExtendedLifetime(place) {}
            }
        }
    }
}
