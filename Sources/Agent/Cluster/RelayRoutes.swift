// What an external member offers to the others: event streams, and the connections that they open when asked.
import Gateway
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import NIOHTTP1
import Relay
import Replica
import Trust

/// The routes of the relay. Each request carries the tokens of the member that sends it.
struct RelayRoutes: Sendable {
    let services: UserServices

    static let path = "/cluster"

    func add(to router: Router<APIContext>) {
        let group = router.group(RouterPath(Self.path))
        group.get("events", use: events)
        group.post("events", use: heartbeat)
        group.get("relay", use: upgradeRequired)
        group.post("streams", use: openStream)
        group.post("streams/:id", use: takeBytes)
        group.delete("streams/:id", use: endStream)
    }

    private var exchange: RelayExchange { services.exchange }

    /// The member that sent a request.
    private func member(_ context: APIContext) async throws(Problem) -> ServerID {
        guard services.member.configuration.cluster.external else { throw Self.notExternal(services.serverID) }
        guard let member = context.carrier else {
            throw services.problem(.unauthorized, "no-token", "only members of the cluster get an answer here")
        }
        return member
    }

    static func notExternal(_ serverID: ServerID) -> Problem {
        Problem(
            .conflict, reason: "not-external", detail: "\(serverID) is not an external member, and is reached directly",
            serverID: serverID)
    }

    static func problem(_ error: RelayError, _ serverID: ServerID) -> Problem {
        let status: HTTPStatus =
            switch error {
            case .malformed: .badRequest
            case .unknownNonce, .foreignNonce, .lesserKey: .forbidden
            case .unknownStream, .unknownLink: .notFound
            case .notLinked, .noAnswer: .badGateway
            case .draining, .busy: .serviceUnavailable
            }
        return Problem(status, reason: error.reason, detail: error.description, serverID: serverID)
    }

    private func refusing<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as RelayError {
            throw Self.problem(error, services.serverID)
        }
    }

    // MARK: Links

    private func events(_ request: Request, _ context: APIContext) async throws -> Response {
        let member = try await member(context)
        let (id, output) = try await refusing {
            try exchange.openLink(
                member, lastEventID: request.headers[.lastEventID], hasFullKey: context.carrierHasFullKey)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store", .accelBuffering: "no"],
            body: .init { [exchange] writer in
                var detail = "it was closed here"
                do {
                    for await text in output { try await writer.write(text) }
                    try await writer.finish(nil)
                } catch {
                    detail = "the connection ended"
                }
                exchange.closeLink(id, detail: detail)
            })
    }

    private struct Heartbeat: Sendable {
        let link: String
        let last: String?
        let roundTrip: Duration?
    }

    private func heartbeat(_ request: Request, _ context: APIContext) async throws -> Response {
        let member = try await member(context)
        let heartbeat = try await RequestBody.read(request, services.serverID) { reader -> Heartbeat? in
            let link = reader.string("link", allowed: "a link's name", isRequired: true) { $0 }
            let last = reader.string("last", allowed: "an event's id") { $0 }
            let roundTrip = reader.integer(
                "roundTripMicroseconds", in: 0...60_000_000, unit: "microseconds", default: 0)
            return link.map {
                Heartbeat(link: $0, last: last, roundTrip: roundTrip > 0 ? .microseconds(roundTrip) : nil)
            }
        }
        try await refusing {
            try exchange.heard(member, link: heartbeat.link, last: heartbeat.last, roundTrip: heartbeat.roundTrip)
        }
        return Response(status: .noContent)
    }

    private func upgradeRequired(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try await member(context)
        throw services.problem(
            .upgradeRequired, "upgrade-required", "\(MemberClient.relayPath) takes complete WebSocket upgrades only")
    }

    // MARK: Carried streams

    private func openStream(_ request: Request, _ context: APIContext) async throws -> Response {
        let member = try await member(context)
        let nonce = try await RequestBody.read(request, services.serverID) { reader -> String? in
            reader.string("nonce", allowed: "a nonce", isRequired: true) { $0 }
        }
        let stream = try await refusing { try await exchange.carry(nonce, by: member) }
        return .json(["stream": .string(stream)], status: .created)
    }

    private func takeBytes(_ request: Request, _ context: APIContext) async throws -> Response {
        let member = try await member(context)
        let stream = try context.parameters.require("id")
        guard let offset = request.uri.queryParameters.get("offset", as: UInt64.self),
            let received = request.uri.queryParameters.get("received", as: UInt64.self)
        else { throw services.problem(.badRequest, "malformed", "offset and received have to be numbers") }
        let bytes = try await RequestBody.collect(request, services.serverID)
        try await refusing {
            try exchange.take(
                Array(buffer: bytes), at: offset, confirming: received, over: stream, from: member)
        }
        return Response(status: .noContent)
    }

    private func endStream(_ request: Request, _ context: APIContext) async throws -> Response {
        let member = try await member(context)
        exchange.end(try context.parameters.require("id"), by: member)
        return Response(status: .noContent)
    }
}

/// The upgrade at `/cluster/relay`: a member opens a connection because it was asked to.
struct RelayUpgrade: UpgradeRoute {
    let services: UserServices
    let refusals = RepeatFilter(period: .seconds(60))

    func isResponsible(for target: String) -> Bool { target == MemberClient.relayPath }

    func admit(_ request: HTTPRequestHead, _ connection: ConnectionInfo) async throws(Problem) -> UpgradeAdmission {
        let serverID = services.serverID
        guard services.member.configuration.cluster.external else { throw RelayRoutes.notExternal(serverID) }
        let authenticator = services.member.authenticator
        let headers = request.headers
        let member: ServerID
        do throws(TrustError) {
            guard let tokens = headers.first(name: HTTPField.Name.carrier.canonicalName) else { throw .noToken }
            member = try authenticator.verifyRequest(
                tokens, method: "GET", path: request.uri, body: [],
                certificateHash: authenticator.binding(
                    served: connection.certificateHash, peerAddress: connection.peerAddress)
            ).serverID
        } catch {
            if refusals.isNews("\(connection.peerAddress) \(error)") {
                services.member.logger.warning(
                    "refused a connection from \(connection.peer): \(error.reason): \(error)")
            }
            throw Problem(.unauthorized, reason: error.reason, detail: "\(error)", serverID: serverID)
        }
        do throws(RelayError) {
            let grant = try services.exchange.accept(
                headers.first(name: HTTPField.Name.nonce.canonicalName) ?? "", from: member)
            return UpgradeAdmission(subprotocol: nil) { try grant.use($0) }
        } catch {
            throw RelayRoutes.problem(error, serverID)
        }
    }
}
