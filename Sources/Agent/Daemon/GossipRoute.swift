// Where other members' links come in: the upgrade, and the answer to those that are not let in.
import Gateway
import Gossip
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import Transport
import Trust

/// The upgrade at `/cluster/gossip`.
struct GossipRoute: UpgradeRoute {
    let authenticator: MemberAuthenticator
    let node: GossipNode
    let logger: Logger
    let refusals = RepeatFilter(period: .seconds(60))

    func isResponsible(for target: String) -> Bool { target == Message.path }

    func admit(_ request: HTTPRequestHead, _ connection: ConnectionInfo) async throws(Problem) -> UpgradeAdmission {
        do throws(TrustError) {
            _ = try authenticator.verifyLink(
                authorization: request.headers.first(name: "authorization"), path: Message.path,
                certificateHash: binding(connection))
        } catch {
            let detail = Self.explain(error, authenticator)
            if refusals.isNews("\(connection.peerAddress) \(detail)") {
                logger.warning("refused a link from \(connection.peer): \(detail)")
            }
            throw Problem(
                error.reason == "certificate-mismatch" ? .forbidden : .unauthorized, reason: error.reason,
                detail: detail, serverID: authenticator.serverID)
        }
        return UpgradeAdmission(subprotocol: Message.subprotocol) { channel in
            let meter = ByteMeter()
            let link = LinkConnection(
                channel: try channel.configureLink(isClient: false, meter: meter), meter: meter,
                address: connection.peer, certificateHash: binding(connection))
            return { await node.serve(link) }
        }
    }

    private func binding(_ connection: ConnectionInfo) -> [UInt8]? {
        authenticator.binding(served: connection.certificateHash, peerAddress: connection.peerAddress)
    }

    /// A refusal in terms of what the administrator can do, the same at both ends.
    static func explain(_ error: TrustError, _ authenticator: MemberAuthenticator) -> String {
        switch error {
        case .noCommonKey(let offered):
            let own = authenticator.keyRing.ids.map(\.description).joined(separator: ", ")
            return "no common key: \(authenticator.serverID) has \(own.isEmpty ? "none" : "the key \(own)"), "
                + "the caller offered the key \(offered); give both the same cluster key"
        case .certificateMismatch(let serverID):
            return "certificate mismatch: \(serverID) saw another certificate than \(authenticator.serverID) serves; "
                + "something between them ends TLS, either an attacker or a proxy that needs the option \"unbound\""
        default: return "\(error.reason): \(error)"
        }
    }
}

extension Router where Context == APIContext {
    /// What `/cluster/gossip` answers when it does not upgrade: why not.
    func addGossipRefusals(_ authenticator: MemberAuthenticator) {
        let serverID = authenticator.serverID
        get(RouterPath(Message.path)) { _, _ -> Response in
            throw Problem(
                .upgradeRequired, reason: "upgrade-required",
                detail: "\(Message.path) takes complete WebSocket upgrades from members of the cluster only",
                serverID: serverID)
        }
    }
}
