// What the administrator sees of links and access points.
import OrderedCollections
package import Replica
package import Trust

/// One link, as `status` shows it.
package struct LinkStatus: Sendable {
    package var id: LinkID
    package var serverID: ServerID?
    package var address: String
    package var isDialled: Bool
    package var phase: LinkPhase
    package var since: WallTime
    package var roundTrip: Duration?
    package var clockOffsetMilliseconds: Int64?
    package var keyIDs: [KeyID]
    package var isGatewayScoped: Bool
    package var lastRound: RoundStatistics?
    package var isStreaming: Bool
    package var refusedCount: Int
    /// Keys that wait for the peer's credit, and keys left out of reconciliation because of refusals.
    package var queuedKeyCount: Int
    package var leftOutKeyCount: Int
    package var software: String?
    package var isExternal: Bool
}

/// One configured access point without a link of its own.
package struct AccessPointStatus: Sendable {
    package var url: String
    package var phase: String
    package var serverID: ServerID?
    package var lastError: String?
    package var failureCount: Int
}

extension GossipEngine {
    package var linkStatuses: [LinkStatus] {
        links.values.map { link in
            LinkStatus(
                id: link.id, serverID: link.peerServerID, address: link.address, isDialled: link.role == .dialler,
                phase: link.phase, since: link.since.wall, roundTrip: link.roundTrip,
                clockOffsetMilliseconds: link.clockOffsetMilliseconds, keyIDs: link.proven,
                isGatewayScoped: link.phase == .open && scope(of: link) != .everything, lastRound: link.lastRound,
                isStreaming: link.pull != nil || link.feeder != nil, refusedCount: link.refusedCount,
                queuedKeyCount: link.outbox.entries.count, leftOutKeyCount: link.leftOut.count,
                software: link.peerHello?.software, isExternal: link.peerHello?.isExternal ?? false)
        }
    }

    package var accessPointStatuses: [AccessPointStatus] {
        targets.values.map { target in
            let phase =
                switch target.phase {
                case .waiting: "waiting"
                case .dialling: "dialling"
                case .up: "open"
                case .satisfied: "open"
                case .ownAddress: "own-address"
                }
            return AccessPointStatus(
                url: target.url, phase: phase, serverID: target.serverID, lastError: target.lastError,
                failureCount: target.failureCount)
        }
    }

    /// Whether full members are reached only through gateways.
    package var isPartitionedByGateways: Bool { isPartitioned }

    /// The server id of a link's peer.
    package func peer(of id: LinkID) -> ServerID? { links[id]?.peerServerID }

    /// How many links are open.
    package var openLinkCount: Int { links.keys(in: .open).count }
}
