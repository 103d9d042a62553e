// Carries users' requests to the members that they concern.
import Directory
import Gateway
import Glibc
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import Replica
import Trust

/// Sends requests on, with the user's own token and this member's tokens as the carrier's.
struct MemberProxy: Sendable {
    let serverID: ServerID
    let routes: MemberRoutes
    let authenticator: MemberAuthenticator
    let logger: Logger
    let client: MemberClient

    private var reachability: Reachability { routes.member.reachability }

    /// How many members are asked at the most where the first ones cannot be reached; each may cost the time in which a
    /// connection has to come about.
    private static let triedCountMax = 3

    /// The other member's answer to a request, as it comes.
    func forward(
        _ request: Request, body: ByteBuffer? = nil, context: APIContext, to target: ServerID
    ) async throws -> Response {
        do {
            return try await answer(request, body, context, try await routes.target(of: target))
        } catch let error as MemberUnreachable {
            throw unreachable(error)
        }
    }

    /// The answer of the first of several members that can be reached. The next one is asked only where the one before has
    /// certainly taken nothing of the request.
    func forward(
        _ request: Request, body: ByteBuffer? = nil, context: APIContext, toFirstOf targets: [ServerID]
    ) async throws -> Response {
        let body = if let body { body } else { try await RequestBody.collect(request, serverID) }
        var last: Problem?
        for target in targets.prefix(Self.triedCountMax) {
            let address: MemberTarget
            do throws(Problem) {
                address = try await routes.target(of: target)
            } catch {
                last = error
                continue
            }
            do {
                return try await answer(request, body, context, address)
            } catch let error as MemberUnreachable {
                last = unreachable(error)
                if !error.hasTakenNothing { break }
            }
        }
        throw last
            ?? Problem(
                .badGateway, reason: "no-server", detail: "no member can take this request just now", serverID: serverID
            )
    }

    private func answer(
        _ request: Request, _ body: ByteBuffer?, _ context: APIContext, _ target: MemberTarget
    ) async throws -> Response {
        let body = if let body { body } else { try await RequestBody.collect(request, serverID) }
        let answer = try await patientExchange(request, body, context, target)
        if let reason = answer.head.headerFields[.refusal] {
            try await answer.forEachPart { _ in }
            throw carrierRefused(by: target.serverID, reason)
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
            let location = head.headerFields[.location],
            location.hasPrefix(SessionRoutes.path)
        else { return }
        routes.registry.expectSession(String(location.dropFirst(SessionRoutes.path.count)), at: server)
    }

    /// A member that has started this second refuses the tokens of this second, and has done nothing then.
    private func patientExchange(
        _ request: Request, _ body: ByteBuffer, _ context: APIContext, _ target: MemberTarget
    ) async throws -> ProxiedResponse {
        let answer = try await exchange(request, body, context, target)
        guard answer.head.headerFields[.refusal] == TrustError.olderThanStartReason else { return answer }
        try await answer.forEachPart { _ in }
        await waitForNextSecond()
        return try await exchange(request, body, context, target)
    }

    /// Not a wait for something to happen: tokens count whole seconds. One that is cancelled has nobody waiting any more.
    private func waitForNextSecond() async { try? await Task.sleep(for: .seconds(1)) }

    private func exchange(
        _ request: Request, _ body: ByteBuffer, _ context: APIContext, _ target: MemberTarget
    ) async throws -> ProxiedResponse {
        let path = request.head.path ?? "/"
        var fields = HopFields.passed(request.headers)
        // Judged here: there it would be another host's.
        fields[.origin] = nil
        fields[.carrier] = try tokens(request.method.rawValue, path, body, target)
        for told in context.way(of: request).fields { fields[told.name] = told.value }
        if body.readableBytes > 0 || request.method != .get && request.method != .head {
            fields[.contentLength] = String(body.readableBytes)
        }
        let head = HTTPRequest(
            method: request.method, scheme: "https", authority: target.authority, path: path, headerFields: fields)
        do throws(MemberUnreachable) {
            let answer = try await client.send(head, body: body, to: target, on: context.channel.eventLoop)
            reachability.succeeded(target.serverID)
            return answer
        } catch {
            reachability.failed(target.serverID)
            throw error
        }
    }

    /// A WebSocket to another member, for a browser's request.
    func upgrade(
        _ request: HTTPRequestHead, _ token: LoginToken, _ way: ClientWay, _ connection: ConnectionInfo,
        to target: ServerID
    ) async throws(Problem) -> UpgradeAdmission {
        let address = try await routes.target(of: target)
        var fields = [("authorization", "Bearer \(token.text)")]
        fields += way.fields.map { ($0.name.canonicalName, $0.value) }
        for offered in request.headers[canonicalForm: "sec-websocket-protocol"] {
            fields.append(("sec-websocket-protocol", String(offered)))
        }
        var outcome = try await upgrade(request.uri, fields, connection, to: address)
        if case .failure(let problem) = outcome, problem.headers[.refusal] == TrustError.olderThanStartReason {
            await waitForNextSecond()
            outcome = try await upgrade(request.uri, fields, connection, to: address)
        }
        if case .failure(let problem) = outcome, let reason = problem.headers[.refusal] {
            throw carrierRefused(by: target, reason)
        }
        let member = try outcome.get()
        return UpgradeAdmission(subprotocol: member.subprotocol) { try member.join($0) }
    }

    private func upgrade(
        _ path: String, _ fields: [(String, String)], _ connection: ConnectionInfo, to target: MemberTarget
    ) async throws(Problem) -> Result<UpgradedMember, Problem> {
        let carrier = (HTTPField.Name.carrier.canonicalName, try tokens("GET", path, ByteBuffer(), target))
        do throws(MemberUnreachable) {
            return try await client.upgrade(path, fields + [carrier], to: target, on: connection.eventLoop)
        } catch {
            reachability.failed(target.serverID)
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
                detail: "this member cannot speak for itself to \(target.serverID): \(error)", serverID: serverID)
        }
    }

    private func carrierRefused(by target: ServerID, _ reason: String) -> Problem {
        logger.error("\(target) refuses requests that this member carries: \(reason)")
        return Problem(
            .badGateway, reason: "carrier-refused",
            detail: "\(target) does not take requests from this member (\(reason)); tell the administrator",
            serverID: serverID)
    }

    private func unreachable(_ error: MemberUnreachable) -> Problem {
        logger.warning("\(error)")
        return Problem(
            .badGateway, reason: "unreachable",
            detail: "\(error.serverID) cannot be reached from here at the moment; try again", serverID: serverID)
    }
}
