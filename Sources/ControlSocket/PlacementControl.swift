// What commands are told of placements.
package import Cluster
package import Directory
import Gateway
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
package import Replica

/// The placements of this member, trials, and the servers that a trial can be made with later.
package struct PlacementControl: Sendable {
    let serverID: ServerID
    let placer: Placer
    let registry: Registry
    /// Under which id the placement of a session is kept; nil for one that is not known here.
    let placementOfSession: @Sendable (_ id: String) async -> SessionPlacement?
    let describe: @Sendable (_ user: String) throws -> PlacedUser

    /// What is known of how a session's host was chosen.
    package enum SessionPlacement: Sendable {
        /// Under this id, at the member that the id begins with.
        case kept(String)
        /// It was started on its host, or by an earlier version: nothing was chosen.
        case notPlaced
    }

    package init(
        serverID: ServerID, placer: Placer, registry: Registry,
        placementOfSession: @escaping @Sendable (_ id: String) async -> SessionPlacement?,
        describe: @escaping @Sendable (_ user: String) throws -> PlacedUser
    ) {
        self.serverID = serverID
        self.placer = placer
        self.registry = registry
        self.placementOfSession = placementOfSession
        self.describe = describe
    }

    /// Servers of a recorded cluster, as text.
    private static let byteCountMax = 64 << 20

    func add(to router: Router<ControlContext>) {
        router.get("/v1/placements") { request, _ in
            let count = request.uri.queryParameters.get("count").flatMap { Int($0) } ?? PlacementLog.traceCountMax
            return Response.json(.array(placer.log.latest(max(1, count))))
        }
        router.get("/v1/placements/trace") { request, _ in try trace(request) }
        router.get("/v1/placements/session") { request, _ in try await explain(request) }
        router.post("/v1/placements/try") { request, _ in try await tryOut(request) }
        router.get("/v1/servers") { _, _ in Response.json(.array(registry.servers().map(\.update.document))) }
    }

    private func trace(_ request: Request) throws -> Response {
        try trace(of: String(request.uri.queryParameters.get("id") ?? ""))
    }

    private func trace(of id: String) throws -> Response {
        if let kept = placer.log[id] { return Response.json(kept.document) }
        if let dash = id.lastIndex(of: "-"), let server = ServerID(id[..<dash]), server != serverID {
            let name = registry.update(of: server)?.hostname ?? server.text
            throw problem(
                .notFound, "elsewhere",
                "the placement \(id) was made at \(name) and is kept there: run \"fastx-agent placement show \(id)\" there"
            )
        }
        throw problem(
            .notFound, "no-such-placement",
            "\(id) is no placement that is kept here: the latest \(PlacementLog.traceCountMax) are, until the agent ends"
        )
    }

    private func explain(_ request: Request) async throws -> Response {
        let id = String(request.uri.queryParameters.get("id") ?? "")
        switch await placementOfSession(id) {
        case .kept(let placement)?: return try trace(of: placement)
        case .notPlaced?:
            throw problem(
                .notFound, "not-placed",
                "the host of session \(id) was not chosen by the agent: it was started on the host itself")
        case nil:
            throw problem(.notFound, "no-such-session", "no session \(id) is known here")
        }
    }

    private func tryOut(_ request: Request) async throws -> Response {
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Self.byteCountMax)
        } catch {
            throw problem(
                .contentTooLarge, "body-too-large", "the servers are longer than the \(Self.byteCountMax) bytes allowed"
            )
        }
        let log = MistakeLog("the trial")
        do {
            var reader = ObjectReader(try JSONValue.parse(body.readableBytesView), log: log)
            let trial = PlacementTrial(&reader)
            reader.finish()
            if let trial, log.errors.isEmpty { return Response.json(try await trial.run(by: placer, known: describe)) }
        } catch let error as JSONSyntaxError {
            throw problem(.badRequest, "bad-json", "the trial is not JSON: \(error)")
        }
        throw problem(
            .unprocessableContent, "bad-content", log.errors.map(\.description).joined(separator: "; "))
    }

    private func problem(_ status: HTTPResponse.Status, _ reason: String, _ detail: String) -> Problem {
        Problem(status, reason: reason, detail: detail, serverID: serverID)
    }
}
