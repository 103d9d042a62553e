// Where other members' links come in, and the answer to those that are not let in.
package import Cluster
import Gateway
package import Gossip
import HTTPTypes
import Hummingbird
import NIOCore
import Transport
import Trust

/// The one route over which members gossip.
package struct GossipRoutes: RouteGroup {
    let authenticator: MemberAuthenticator
    let node: GossipNode

    package init(authenticator: MemberAuthenticator, node: GossipNode) {
        self.authenticator = authenticator
        self.node = node
    }

    package var handlers: [Route: Handler] { [.gossip: link] }

    private func link(_ request: Request, _ context: APIContext) async throws -> Response {
        let upgrade = try context.requireUpgrade(authenticator.serverID)
        let binding = authenticator.binding(served: upgrade.certificateHash, peerAddress: context.peerAddress)
        do throws(TrustError) {
            _ = try authenticator.verifyLink(
                authorization: request.headers[.authorization], path: Message.path, certificateHash: binding)
        } catch {
            throw Problem(
                error.reason == TrustError.certificateMismatchReason ? .forbidden : .unauthorized,
                reason: error.reason, detail: Self.explain(error, authenticator), serverID: authenticator.serverID)
        }
        return upgrade.grant(
            UpgradeAdmission(subprotocol: Message.subprotocol) { channel in
                let meter = ByteMeter()
                let link = LinkConnection(
                    channel: try channel.configureLink(isClient: false, meter: meter), meter: meter,
                    address: upgrade.peer, certificateHash: binding)
                return { await node.serve(link) }
            })
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
