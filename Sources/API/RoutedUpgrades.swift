// Requests for an upgrade go through the same layers as all others; what they come to is known here.
package import Gateway
import HTTPTypes
package import Hummingbird
import Logging
import NIOCore
package import NIOHTTP1
import NIOHTTPTypesHTTP1
package import Replica
import Synchronization

/// Where the layers and the handler of a request for an upgrade leave what becomes of it.
final class UpgradeNote: Sendable {
    private struct State {
        var admission: UpgradeAdmission?
        var refusal: Problem?
    }

    private let state = Mutex(State())
    /// The subprotocols that the client offers.
    let offered: [Substring]
    /// SHA-256 of the certificate served on the connection; nil without TLS.
    let certificateHash: [UInt8]?
    /// The peer's address and port, for the log.
    let peer: String

    init(offered: [Substring], _ connection: ConnectionInfo) {
        self.offered = offered
        certificateHash = connection.certificateHash
        peer = connection.peer
    }

    var admission: UpgradeAdmission? { state.withLock { $0.admission } }
    /// Why there is none, as the client is told.
    var refusal: Problem? { state.withLock { $0.refusal } }

    /// Grants the upgrade: the answer to the request, once all layers have seen it.
    func grant(_ admission: UpgradeAdmission) -> Response {
        state.withLock { $0.admission = admission }
        return Response(status: .switchingProtocols)
    }

    func refuse(_ problem: Problem) { state.withLock { $0.refusal = problem } }
}

/// Judges upgrades by the routes of a listener.
package struct RoutedUpgrades: UpgradeJudge {
    let serverID: ServerID
    let responder: RouterResponder<APIContext>

    /// - Parameter responder: The layers and routes of the listener's door.
    package init(serverID: ServerID, responder: RouterResponder<APIContext>) {
        self.serverID = serverID
        self.responder = responder
    }

    package func admit(_ head: HTTPRequestHead, _ connection: ConnectionInfo) async throws(Problem) -> UpgradeAdmission
    {
        let note = UpgradeNote(offered: head.headers[canonicalForm: "sec-websocket-protocol"], connection)
        let answer: Response
        do {
            let request = Request(
                head: try HTTPRequest(head, secure: connection.certificateHash != nil, splitCookie: false),
                body: .init(buffer: ByteBuffer()))
            var context = APIContext(source: .init(channel: connection.channel, logger: Self.silent))
            context.upgrade = note
            answer = try await responder.respond(to: request, context: context)
        } catch {
            throw note.refusal
                ?? Problem(
                    .badRequest, reason: "bad-request", detail: "the request cannot be read: \(error)",
                    serverID: serverID)
        }
        if answer.status == .switchingProtocols, let admission = note.admission { return admission }
        throw note.refusal
            ?? Problem(.notFound, reason: "not-found", detail: "there is no upgrade at this path", serverID: serverID)
    }

    private static let silent = Logger(label: "upgrades") { _ in SwiftLogNoOpLogHandler() }
}

extension APIContext {
    /// The place of an upgrade, where one is asked for.
    func requireUpgrade(_ serverID: ServerID) throws(Problem) -> UpgradeNote {
        if let upgrade { return upgrade }
        throw Problem(
            .upgradeRequired, reason: "upgrade-required",
            detail: "\(route?.form.path ?? "this path") takes complete WebSocket upgrades only", serverID: serverID)
    }
}
