// Times and limits of the relay.

/// The same at both ends, except that each keeps only its own part.
package struct RelaySettings: Sendable {
    /// Each end says at least so often that it lives.
    package var heartbeat: Duration = .seconds(5)
    /// A link on which nothing was heard for so long is dead.
    package var silence: Duration = .seconds(20)
    /// How long a member that has no link just now is waited for.
    package var linkTime: Duration = .seconds(5)
    /// How long a member has to dial back.
    package var dialTime: Duration = .seconds(10)
    /// How long the streams of a broken link wait for the next one.
    package var resumeTime: Duration = .seconds(20)
    /// How long opening a link may take.
    package var connectTime: Duration = .seconds(10)
    /// A link that broke is opened again after a random time, at first up to `retryFirst`, then ever longer; the shortest
    /// that such a time may be.
    package var retryMin: Duration = .milliseconds(250)
    /// The longest that the first such time may be.
    package var retryFirst: Duration = .seconds(2)
    /// The longest that any such time may be.
    package var retryMax: Duration = .seconds(30)
    /// Events kept for a link that broke.
    package var replayCount = 1_024
    /// The other limit of the events kept: their bytes.
    package var replayByteCount = 4 << 20
    /// Connections asked of one member at once.
    package var dialsPerMember = 256
    /// Carried streams of one member.
    package var streamsPerMember = 64

    /// The defaults suit every member.
    package init() {}
}
