// What an external member offers to the others: event streams, and the connections that they open when asked.
package import Gateway
import HTTPTypes
import Hummingbird
import JSON
import Logging
import MemberConfiguration
import NIOCore
import Relay
import Replica

/// The routes of the relay. Each request carries the tokens of the member that sends it.
package struct RelayRoutes: RouteGroup {
    let member: ThisMember
    let exchange: RelayExchange

    package init(member: ThisMember, exchange: RelayExchange) {
        self.member = member
        self.exchange = exchange
    }

    package var handlers: [Route: Handler] {
        [
            .relayEvents: events, .relayHeartbeat: heartbeat, .relayConnection: connection, .openStream: openStream,
            .streamBytes: takeBytes, .endStream: endStream,
        ]
    }

    /// The member that sent a request.
    private func sender(_ context: APIContext) throws(Problem) -> ServerID {
        guard member.configuration.cluster.external else {
            throw member.problem(
                .conflict, "not-external", "\(member.serverID) is not an external member, and is reached directly")
        }
        if let sender = context.carrier { return sender }
        throw member.problem(.unauthorized, "no-token", "only members of the cluster get an answer here")
    }

    private func problem(_ error: RelayError) -> Problem {
        let status: HTTPStatus =
            switch error {
            case .malformed: .badRequest
            case .unknownNonce, .foreignNonce, .lesserKey: .forbidden
            case .unknownStream, .unknownLink: .notFound
            case .notLinked, .noAnswer: .badGateway
            case .draining, .busy: .serviceUnavailable
            }
        return member.problem(status, error.reason, error.description)
    }

    private func refusing<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as RelayError {
            throw problem(error)
        }
    }

    // MARK: Links

    private func events(_ request: Request, _ context: APIContext) async throws -> Response {
        let sender = try sender(context)
        let (id, output) = try await refusing {
            try exchange.openLink(
                sender, lastEventID: request.headers[.lastEventID], hasFullKey: context.carrierHasFullKey)
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
        let sender = try sender(context)
        let heartbeat = try await RequestBody.read(request, member.serverID) { reader -> Heartbeat? in
            let link = reader.string("link", allowed: "a link's name", isRequired: true) { $0 }
            let last = reader.string("last", allowed: "an event's id") { $0 }
            let roundTrip = reader.integer(
                "roundTripMicroseconds", in: 0...60_000_000, unit: "microseconds", default: 0)
            return link.map {
                Heartbeat(link: $0, last: last, roundTrip: roundTrip > 0 ? .microseconds(roundTrip) : nil)
            }
        }
        try await refusing {
            try exchange.heard(sender, link: heartbeat.link, last: heartbeat.last, roundTrip: heartbeat.roundTrip)
        }
        return Response(status: .noContent)
    }

    /// A member opens a connection because it was asked to.
    private func connection(_ request: Request, _ context: APIContext) async throws -> Response {
        let sender = try sender(context)
        let upgrade = try context.requireUpgrade(member.serverID)
        return try await refusing {
            let grant = try exchange.accept(request.headers[.nonce] ?? "", from: sender)
            return upgrade.grant(UpgradeAdmission(subprotocol: nil) { try grant.use($0) })
        }
    }

    // MARK: Carried streams

    private func openStream(_ request: Request, _ context: APIContext) async throws -> Response {
        let sender = try sender(context)
        let nonce = try await RequestBody.read(request, member.serverID) { reader -> String? in
            reader.string("nonce", allowed: "a nonce", isRequired: true) { $0 }
        }
        let stream = try await refusing { try await exchange.carry(nonce, by: sender) }
        return .json(["stream": .string(stream)], status: .created)
    }

    private func takeBytes(_ request: Request, _ context: APIContext) async throws -> Response {
        let sender = try sender(context)
        let stream = try context.parameters.require("id")
        guard let offset = request.uri.queryParameters.get("offset", as: UInt64.self),
            let received = request.uri.queryParameters.get("received", as: UInt64.self)
        else { throw member.problem(.badRequest, "malformed", "offset and received have to be numbers") }
        let bytes = try await RequestBody.collect(request, member.serverID)
        try await refusing {
            try exchange.take(
                Array(buffer: bytes), at: offset, confirming: received, over: stream, from: sender)
        }
        return Response(status: .noContent)
    }

    private func endStream(_ request: Request, _ context: APIContext) async throws -> Response {
        let sender = try sender(context)
        exchange.end(try context.parameters.require("id"), by: sender)
        return Response(status: .noContent)
    }
}
