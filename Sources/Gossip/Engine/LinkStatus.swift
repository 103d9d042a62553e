// What the administrator sees of links and access points.
import OrderedCollections
package import Replica
package import Trust

/// One link, as `status` shows it.
package struct LinkStatus: Sendable {
    /// By which effects and inputs name the link.
    package var id: LinkID
    /// The peer's; nil until its hello has come.
    package var serverID: ServerID?
    /// The URL that was dialled, or where the peer connected from.
    package var address: String
    /// Whether this end opened the connection.
    package var isDialled: Bool
    /// How far the link has come.
    package var phase: LinkPhase
    /// When it was dialled, then when it was connected, then when it opened, by this host's wall clock.
    package var since: WallTime
    /// Of the last ping; nil until one was answered.
    package var roundTrip: Duration?
    /// How far the peer's clock is ahead, by the last ping; nil until one was answered.
    package var clockOffsetMilliseconds: Int64?
    /// The keys that the peer has proven and that this member has too.
    package var keyIDs: [KeyID]
    /// Whether only the peer's own entries are taken from it, because nothing but gateway keys are proven.
    package var isGatewayScoped: Bool
    /// Nil until a round on this link has ended.
    package var lastRound: RoundStatistics?
    /// Whether a whole map is under way, in either direction.
    package var isStreaming: Bool
    /// Entries that this member has refused on this link.
    package var refusedCount: Int
    /// Keys that wait for the peer's credit, and keys left out of reconciliation because of refusals.
    package var queuedKeyCount: Int
    /// Keys left out of reconciliation because of refusals, by either end.
    package var leftOutKeyCount: Int
    /// The peer's program and version, in its own words; nil until its hello has come.
    package var software: String?
    /// Whether the peer says that it opens no connections to others.
    package var isExternal: Bool
}

/// One configured access point.
package struct AccessPointStatus: Sendable {
    /// As it is configured.
    package var url: String
    /// `waiting`, `dialling`, `open`, also by another link to the same member, or `own-address`.
    package var phase: String
    /// The member that was last found there; nil where none ever was.
    package var serverID: ServerID?
    /// Why the last dial or link failed, for people; nil once its own link is open.
    package var lastError: String?
    /// Failures since its link was last open, or since something changed that gave it a new chance.
    package var failureCount: Int
}

extension GossipEngine {
    /// All links, those that are being dialled or closed too, in the order in which they came to be.
    package var linkStatuses: [LinkStatus] {
        links.values.map { link in
            LinkStatus(
                id: link.id, serverID: link.peerServerID, address: link.address, isDialled: link.role == .dialler,
                phase: link.phase, since: link.since.wall, roundTrip: link.roundTrip,
                clockOffsetMilliseconds: link.clockOffsetMilliseconds, keyIDs: link.proven,
                isGatewayScoped: link.phase == .open && isGatewayScoped(link), lastRound: link.lastRound,
                isStreaming: link.pull != nil || link.feeder != nil, refusedCount: link.refusedCount,
                queuedKeyCount: link.outbox.entries.count, leftOutKeyCount: link.leftOut.count,
                software: link.peerHello?.software, isExternal: link.peerHello?.isExternal ?? false)
        }
    }

    /// All configured access points, in the order in which they came into the configuration.
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
