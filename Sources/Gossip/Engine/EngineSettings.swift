// The limits and times of the engine, each with the reason for its default.

/// Limits and times of the gossip engine.
package struct EngineSettings: Sendable {
    /// A peer that connects but does not finish the handshake is let go after this. Longer than `contentionWait`.
    package var handshakeLimit: Duration = .seconds(10)
    /// A quiet link is pinged this often; a round trip and a clock reading come with it.
    package var pingInterval: Duration = .seconds(5)
    /// A link from which nothing came for this long is dead: three pings unanswered.
    package var silenceLimit: Duration = .seconds(15)
    /// How long an older link to the same server id may take to show that it is alive, before the newer one replaces
    /// it. Short enough for a restarted member to be back at once after a power cut, long enough for a busy one.
    package var contentionWait: Duration = .seconds(5)
    /// How long a link without a proven key may wait for the peer's answer to a challenge.
    package var challengeWait: Duration = .seconds(3)
    /// The first wait before dialling again.
    package var backoffMin: Duration = .milliseconds(250)
    /// The longest wait before dialling again.
    package var backoffMax: Duration = .seconds(30)
    /// The mean time between rounds of reconciliation on a link where nothing seems to be missing.
    package var reconcileInterval: Duration = .seconds(60)
    /// How many bytes of entries and symbols a peer may have under way to this member. Sixteen messages of entries:
    /// enough to keep the disk busy while the network brings more.
    package var creditWindow = 4 << 20
    /// An outbox over either limit is dropped, and the link reconciles instead, so a slow peer costs memory to nobody.
    package var outboxKeyCountMax = 4_096
    /// The other limit of an outbox: bytes of its keys and entries.
    package var outboxByteCountMax = 8 << 20
    /// How many keys may be left out of reconciliation because of refusals; beyond that it rests on the link.
    package var leftOutCountMax = 4_096
    /// How many links a member takes at once; a further one is told so.
    package var linkCountMax = 4_096
    /// A round in which nothing happens for this long is given up and begun anew.
    package var roundStallLimit: Duration = .seconds(60)
    /// How often the progress of a stream is told.
    package var streamReportInterval: Duration = .seconds(5)
    /// Peers for which the position of a broken-off stream is remembered.
    package var streamPositionCountMax = 64

    /// The defaults suit every member.
    package init() {}
}
