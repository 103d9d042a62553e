// Which members are better not asked first: those that could not be reached a moment ago, and those whose link broke.
package import Gossip
package import Replica
import Synchronization

/// What this member has seen of the others' being within reach. It decides whom to ask first and never whom to ask at all,
/// because a member may be back, or be reached by users' requests although a link to it is not.
package final class Reachability: Sendable {
    /// For how long one failure puts a member behind the others: after a minute it is given another chance, which costs
    /// one user at most the time in which a connection has to come about.
    static let doubtTime: Duration = .seconds(60)

    private enum Cause { case connection, link }
    private struct Doubt {
        let cause: Cause
        let until: ContinuousClock.Instant
    }

    /// By server id.
    private let doubts = Mutex<[ServerID: Doubt]>([:])

    /// Doubts no member.
    package init() {}

    /// A connection to the member did not come about.
    package func failed(_ serverID: ServerID, at now: ContinuousClock.Instant = .now) {
        doubt(serverID, .connection, now)
    }

    /// The member answered.
    package func succeeded(_ serverID: ServerID) {
        doubts.withLock { doubts in
            if !doubts.isEmpty { doubts[serverID] = nil }
        }
    }

    /// Takes what the gossip node tells of links.
    package func take(_ report: Report, at now: ContinuousClock.Instant = .now) {
        switch report {
        case .linkUp(_, let serverID, _, dialled: true): succeeded(serverID)
        // A link that the other member opened says that it lives, and not that connections to it come about.
        case .linkUp(_, let serverID, _, dialled: false):
            doubts.withLock { doubts in
                if doubts[serverID]?.cause == .link { doubts[serverID] = nil }
            }
        case .linkDown(_, let serverID?, _, let reason, _) where Self.ends.contains(reason):
            doubt(serverID, .link, now)
        default: break
        }
    }

    /// How links end whose member may be gone; other reasons are about keys, versions and duplicates.
    private static let ends: [CloseReason] = [.lost, .timeout, .shutdown]

    /// Whether the member is better asked after the others.
    package func isDoubtful(_ serverID: ServerID, at now: ContinuousClock.Instant = .now) -> Bool {
        doubts.withLock { $0[serverID].map { $0.until > now } ?? false }
    }

    private func doubt(_ serverID: ServerID, _ cause: Cause, _ now: ContinuousClock.Instant) {
        doubts.withLock { doubts in
            // Members that are no more leave nothing behind.
            doubts = doubts.filter { $0.value.until > now }
            // What was tried says more than a link.
            if cause == .link, doubts[serverID]?.cause == .connection { return }
            doubts[serverID] = Doubt(cause: cause, until: now + Self.doubtTime)
        }
    }
}
