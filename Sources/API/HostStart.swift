// Starts that this host's users ask for on its own socket: here in their process tree, or where the chain says.
import Accounts
import Cluster
import Directory
import Gateway
import Glibc
import HTTPTypes
import Hummingbird
import JSON
import MemberConfiguration
import NIOCore
import OperatingSystem
import Placement
import Replica
import Sessions

extension Request {
    /// Whether a user of this host wants the cluster to choose the member, as for somebody in the browser.
    var asksToBePlaced: Bool { uri.queryParameters.get("place") == "true" }
}

extension SessionRoutes {
    // MARK: Here

    /// Starts a session on this host, where its user has asked for it himself; no script is asked.
    func startOnHost(
        _ start: SessionStart, _ identity: Identity, named: ServerID?, _ request: Request, _ context: APIContext
    ) async throws -> Response {
        if let named, named != member.serverID {
            throw member.problem(
                .unprocessableContent, "not-placed",
                "a session that is asked for on \(member.hostname) itself starts there; with place=true in the query "
                    + "\(named) can be chosen")
        }
        guard member.configuration.settings.startsSessions else {
            let closed = member.closed(for: .session, isChosen: true)
            throw member.problem(closed.status, closed.reason, "\(closed.detail): \"fastx-agent start --place\" does")
        }
        let placement = try request.uri.queryParameters.get("placement").map { try kept(String($0), of: identity) }
        return try await startHere(start, identity, request, context, isChosen: true, placement: placement)
    }

    /// The id of a placement that has chosen this member for this user.
    private func kept(_ id: String, of identity: Identity) throws -> String {
        guard let kept = others.placer.log[id], kept.user == identity.user,
            kept.document.text("action") == Purpose.session.rawValue,
            kept.document.text("server") == member.serverID.text
        else {
            throw member.problem(
                .notFound, "no-such-placement",
                "\(member.hostname) was not chosen for a session of yours under that id; ask again with place=true")
        }
        return id
    }

    // MARK: Where the chain says

    /// Has a session started where the chain or the default rule says. Where that is here, the user starts his steward
    /// himself before he asks again: sessions of this host's users belong in their own process trees.
    func placeFromHost(
        _ wish: PlacementRequest, _ start: SessionStart, _ identity: Identity, _ request: Request, _ body: ByteBuffer,
        _ context: APIContext
    ) async throws -> Response {
        var proof: (login: Login, token: LoginToken)?
        var isHere = false
        do {
            let response = try await others.place(wish, isOpen: member.configuration.settings.startsSessions) {
                let (login, token) = if let proof { proof } else { try await vouch(for: identity, request) }
                proof = (login, token)
                var head = request.head
                head.headerFields[.authorization] = "Bearer \(token.text)"
                head.headerFields[.cookie] = nil
                let asked = Request(head: head, body: request.body)
                return try await asked.carried(context, member.serverID, body: body, at: Route.startSession.form.path)
            } here: { placement in
                isHere = true
                let isReady = identity.uid.map(stewards.isConnected) ?? false
                guard !isReady, member.configuration.settings.startsSessions else {
                    return try await startHere(
                        start, identity, request, context, isChosen: false, placement: placement)
                }
                return .json(["placement": .string(placement)], status: .accepted)
            }
            let answer = if let proof, !isHere { try await told(response, to: proof.token, context) } else { response }
            if let proof { await logins.book.end(proof.login.id) }
            return answer
        } catch {
            if let proof { await logins.book.end(proof.login.id) }
            throw error
        }
    }

    /// A login of the user for the other member to judge him by, since the kernel vouches for him on this host alone.
    /// Its token goes to that member and nowhere else.
    private func vouch(for identity: Identity, _ request: Request) async throws -> (login: Login, token: LoginToken) {
        let ways = member.configuration.settings.logins.ways
        guard let user = try identity.uid.flatMap({ try UnixUser.withID($0) }),
            !user.isSystemAccount || (user.uid == geteuid() && ways.contains(.own))
        else {
            throw member.problem(
                .forbidden, "no-such-user",
                "another member was chosen, and \(identity.user) is an account of the system, which starts sessions on "
                    + "\(member.hostname) alone")
        }
        guard let made = try await logins.book.beginForOneStart(user, userAgent: APIContext.userAgent(request)) else {
            throw member.problem(
                .forbidden, "cannot-vouch",
                "another member was chosen, and \(member.hostname) holds a gateway key, with which it cannot vouch for "
                    + "you there; log in with a browser instead")
        }
        return made
    }

    /// The other member's answer. Where that member wants the user's password before it starts anything for him, it is
    /// what he can do: nothing on this socket carries his answers there.
    private func told(_ response: Response, to token: LoginToken, _ context: APIContext) async throws -> Response {
        guard response.status == .accepted || response.status == .conflict else { return response }
        let body = CollectedBody()
        try await response.body.write(body)
        switch response.status {
        case .accepted:
            try await giveUp(body.bytes, token, context)
            throw needsPassword(response.headers[.placement])
        default:
            var problem = Problem(answered: .conflict, body.bytes, by: chosen(response.headers[.placement]))
            if problem.reason == "no-link" { problem = needsPassword(response.headers[.placement]) }
            problem.headers[.placement] = response.headers[.placement]
            throw problem
        }
    }

    /// Has the other member ask no further: its attempt would wait for an answer that cannot come.
    private func giveUp(_ question: [UInt8], _ token: LoginToken, _ context: APIContext) async throws {
        guard let attempt = try JSONValue.parse(question).text("attempt"),
            let server = others.otherServer(inName: attempt)
        else { return }
        let head = HTTPRequest(
            method: .delete, scheme: "http", authority: nil, path: Route.cancelLogin.path(attempt),
            headerFields: [.authorization: "Bearer \(token.text)"])
        let asked = try await Request(head: head, body: .init(buffer: ByteBuffer()))
            .carried(context, member.serverID, body: ByteBuffer())
        _ = try await others.proxy.forward(asked, to: server)
    }

    /// The member that a placement has chosen.
    private func chosen(_ placement: String?) -> ServerID {
        placement.flatMap { others.placer.log[$0]?.document.text("server") }.flatMap { ServerID($0) } ?? member.serverID
    }

    private func needsPassword(_ placement: String?) -> Problem {
        let server = chosen(placement)
        let name = others.registry.update(of: server)?.hostname ?? server.text
        let door = others.registry.urls(of: server).first.map { " at \($0)" } ?? ""
        return member.problem(
            .conflict, "no-link",
            "\(name) was chosen, and starts nothing for you before you have given your password there: log in\(door) "
                + "with a browser, or run \"fastx-agent start\" on that host")
    }
}

/// Takes the body of an answer that another member gave.
private final class CollectedBody: ResponseBodyWriter {
    private(set) var bytes: [UInt8] = []

    func write(_ buffer: ByteBuffer) { bytes += buffer.readableBytesView }
    func finish(_ trailingHeaders: HTTPFields?) {}
}
