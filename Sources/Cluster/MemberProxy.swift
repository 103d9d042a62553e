// Carries users' requests to the members that they concern.
import Directory
package import Gateway
import Glibc
package import HTTPTypes
package import Hummingbird
package import Logging
package import NIOCore
package import Replica
import Trust

/// A user's request as another member is asked it.
package struct CarriedRequest: Sendable {
    let method: HTTPRequest.Method
    /// With the query.
    let path: String
    /// As they came; which of them go along is not the asker's to say.
    let fields: HTTPFields
    /// All of it; empty where there is none.
    let body: ByteBuffer
    /// The way from the client to this member.
    let way: ClientWay
    /// The client's connection's.
    let eventLoop: any EventLoop
    /// Under which id it was placed, where it was.
    var placement: String?

    package init(
        method: HTTPRequest.Method, path: String, fields: HTTPFields, body: ByteBuffer, way: ClientWay,
        eventLoop: any EventLoop
    ) {
        self.method = method
        self.path = path
        self.fields = fields
        self.body = body
        self.way = way
        self.eventLoop = eventLoop
    }
}

/// The same of a request for a WebSocket.
package struct CarriedUpgrade: Sendable {
    let path: String
    /// The user's own.
    let token: String
    /// The subprotocols that the client offers.
    let offered: [String]
    /// The way from the client to this member.
    let way: ClientWay
    let eventLoop: any EventLoop

    package init(path: String, token: String, offered: [String], way: ClientWay, eventLoop: any EventLoop) {
        self.path = path
        self.token = token
        self.offered = offered
        self.way = way
        self.eventLoop = eventLoop
    }
}

/// Sends requests on, with the user's own token and this member's tokens as the carrier's.
package struct MemberProxy: Sendable {
    let serverID: ServerID
    let routes: MemberRoutes
    let authenticator: MemberAuthenticator
    let reachability: Reachability
    let logger: Logger
    let client: MemberClient

    package init(
        serverID: ServerID, routes: MemberRoutes, authenticator: MemberAuthenticator, reachability: Reachability,
        logger: Logger, client: MemberClient
    ) {
        self.serverID = serverID
        self.routes = routes
        self.authenticator = authenticator
        self.reachability = reachability
        self.logger = logger
        self.client = client
    }

    /// The other member's answer to a request, as it comes.
    package func forward(_ request: CarriedRequest, to target: ServerID) async throws -> Response {
        do {
            return try await answer(request, try await routes.target(of: target))
        } catch let error as MemberUnreachable {
            throw unreachable(error)
        } catch let error as CarrierRefusal {
            throw carrierRefused(error)
        }
    }

    /// - Parameter ready: A connection to the member that is alive; nil where any will do.
    func answer(
        _ request: CarriedRequest, _ target: MemberTarget, over ready: ReadyMember? = nil
    ) async throws -> Response {
        let answer = try await patientExchange(request, target, ready)
        if let reason = answer.head.headerFields[.refusal] {
            try await answer.forEachPart { _ in }
            throw CarrierRefusal(serverID: target.serverID, reason: reason)
        }
        noteStart(answer.head)
        var kept = HopFields.passed(answer.head.headerFields)
        kept[.contentLength] = answer.head.headerFields[.contentLength]
        if request.method == .head || answer.head.status == .noContent {
            try await answer.forEachPart { _ in }
            return Response(status: answer.head.status, headers: kept)
        }
        if let whole = answer.whole {
            return Response(status: answer.head.status, headers: kept, body: .init(byteBuffer: whole))
        }
        return Response(
            status: answer.head.status, headers: kept,
            body: .init { writer in
                try await answer.forEachPart { try await writer.write($0) }
                try await writer.finish(nil)
            })
    }

    /// The page of a session that was just started is opened at once, and may come before the map has the session.
    private func noteStart(_ head: HTTPResponse) {
        guard head.status == .created, let server = head.headerFields[.sessionServer].flatMap({ ServerID($0) }),
            let id = head.headerFields[.location]?.split(separator: "/").last
        else { return }
        routes.registry.expectSession(String(id), at: server)
    }

    /// A member that has started this second refuses the tokens of this second, and has done nothing then.
    private func patientExchange(
        _ request: CarriedRequest, _ target: MemberTarget, _ ready: ReadyMember?
    ) async throws -> ProxiedResponse {
        let answer = try await exchange(request, target, ready)
        guard answer.head.headerFields[.refusal] == TrustError.olderThanStartReason else { return answer }
        try await answer.forEachPart { _ in }
        await waitForNextSecond()
        return try await exchange(request, target, nil)
    }

    /// Not a wait for something to happen: tokens count whole seconds. One that is cancelled has nobody waiting any more.
    private func waitForNextSecond() async { try? await Task.sleep(for: .seconds(1)) }

    private func exchange(
        _ request: CarriedRequest, _ target: MemberTarget, _ ready: ReadyMember?
    ) async throws -> ProxiedResponse {
        let (path, body) = (request.path, request.body)
        var fields = HopFields.passed(request.fields)
        // Judged here: there it would be another host's.
        fields[.origin] = nil
        fields[.carrier] = try tokens(request.method.rawValue, path, body, target)
        fields[.placement] = request.placement
        for told in request.way.fields { fields[told.name] = told.value }
        if body.readableBytes > 0 || request.method != .get && request.method != .head {
            fields[.contentLength] = String(body.readableBytes)
        }
        let head = HTTPRequest(
            method: request.method, scheme: "https", authority: target.authority, path: path, headerFields: fields)
        do throws(MemberUnreachable) {
            let answer =
                if let ready {
                    try await ready.send(head, body: body)
                } else {
                    try await client.send(head, body: body, to: target, on: request.eventLoop)
                }
            reachability.succeeded(target.serverID)
            return answer
        } catch {
            learn(from: error)
            throw error
        }
    }

    /// A WebSocket to another member, for a browser's request.
    package func upgrade(_ request: CarriedUpgrade, to target: ServerID) async throws(Problem) -> UpgradeAdmission {
        let address = try await routes.target(of: target)
        var fields = [("authorization", "Bearer \(request.token)")]
        fields += request.way.fields.map { ($0.name.canonicalName, $0.value) }
        fields += request.offered.map { ("sec-websocket-protocol", $0) }
        var outcome = try await upgrade(request, fields, to: address)
        if case .failure(let problem) = outcome, problem.headers[.refusal] == TrustError.olderThanStartReason {
            await waitForNextSecond()
            outcome = try await upgrade(request, fields, to: address)
        }
        if case .failure(let problem) = outcome, let reason = problem.headers[.refusal] {
            throw carrierRefused(CarrierRefusal(serverID: target, reason: reason))
        }
        let member = try outcome.get()
        reachability.succeeded(target)
        return UpgradeAdmission(subprotocol: member.subprotocol) { try member.join($0) }
    }

    private func upgrade(
        _ request: CarriedUpgrade, _ fields: [(String, String)], to target: MemberTarget
    ) async throws(Problem) -> Result<UpgradedMember, Problem> {
        let carrier = (HTTPField.Name.carrier.canonicalName, try tokens("GET", request.path, ByteBuffer(), target))
        do throws(MemberUnreachable) {
            return try await client.upgrade(request.path, fields + [carrier], to: target, on: request.eventLoop)
        } catch {
            learn(from: error)
            throw unreachable(error)
        }
    }

    private func tokens(
        _ method: String, _ path: String, _ body: ByteBuffer, _ target: MemberTarget
    ) throws(Problem) -> String {
        do {
            return try authenticator.tokens(
                for: RequestBinding(
                    method: method, path: path, body: Array(buffer: body), certificateSHA256: target.certificateSHA256)
            ).joined(separator: ",")
        } catch TrustError.tokenTooLong {
            throw Problem(
                .uriTooLong, reason: "target-too-long",
                detail: "the target is too long for a request that another member is asked for", serverID: serverID)
        } catch {
            throw Problem(
                .badGateway, reason: "no-cluster-key",
                detail: "this member cannot speak for itself to \(name(target.serverID)): \(error)", serverID: serverID)
        }
    }

    /// What a failure says of the way to a member. After the request was handed over it may be its own slowness, or whoever
    /// asked may have gone: then a probe finds out.
    func learn(from error: MemberUnreachable) {
        guard !Task.isCancelled else { return }
        if error.hasTakenNothing {
            reachability.failed(error.serverID, error.detail)
        } else {
            reachability.suspected(error.serverID)
        }
    }

    func carrierRefused(_ refusal: CarrierRefusal) -> Problem {
        let name = name(refusal.serverID)
        logger.error("\(name) refuses requests that this member carries: \(refusal.reason)")
        return Problem(
            .badGateway, reason: "carrier-refused",
            detail: "\(name) does not take requests from this member (\(refusal.reason)); tell the administrator",
            serverID: serverID)
    }

    func unreachable(_ error: MemberUnreachable) -> Problem {
        let name = name(error.serverID)
        logger.warning("\(name) cannot be reached: \(error.detail)")
        return Problem(
            .badGateway, reason: "unreachable",
            detail: "\(name) cannot be reached from here at the moment; try again", serverID: serverID)
    }

    private func name(_ serverID: ServerID) -> String { routes.registry.title(of: serverID) }
}

/// Another member has verified that this one carries a request, and does not take it: nothing of it was done.
struct CarrierRefusal: Error {
    let serverID: ServerID
    /// A word for programs.
    let reason: String
}
