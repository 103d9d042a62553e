// What the log says of each report, for administrators.
package import Logging
import Replica

extension Report {
    /// How loud the report is, and its line.
    package var logLine: (level: Logger.Level, text: String) {
        switch self {
        case .linkUp(_, let serverID, let address, let dialled):
            (.info, dialled ? "link up: \(serverID) at \(address)" : "link up: \(serverID) connected from \(address)")
        case .linkDown(_, let serverID, let address, let reason, let detail):
            (
                reason == .shutdown ? .info : .warning,
                "link down: \(serverID.map { "\($0), " } ?? "")\(address): \(detail)"
            )
        case .accessPointFailing(let url, let reason, let wait):
            (
                .warning,
                "no link to access point \(url): \(reason); next try in \(Self.seconds(wait)) s, then ever later"
            )
        case .ownAddress(let url):
            (.info, "access point \(url) is this member itself: it needs no link, and can be removed from cluster.json")
        case .clone(let serverID, let address):
            (
                .error,
                "clone: a second live member with the server id \(serverID) is at \(address) and was refused; "
                    + "give one of them an id of its own with \"fastx-agent init\" in a new directory"
            )
        case .clockSkew(let serverID, let milliseconds): (.warning, Self.skew(serverID, milliseconds))
        case .clockWrong(let milliseconds):
            (
                .error,
                "this host's clock is wrong: most peers are \(Self.ahead(milliseconds)) it; durable writes are "
                    + "refused until it is set right"
            )
        case .clockConfirmed: (.debug, "this host's clock agrees with its peers")
        case .clockRight: (.notice, "this host's clock agrees with its peers again: durable writes are accepted")
        case .refused(let serverID, let count, let refusal, let byPeer, let example):
            (
                .warning,
                byPeer
                    ? "\(serverID) refused \(count) entries, such as \(example): \(refusal.meaning)"
                    : "refused \(count) entries from \(serverID), such as \(example): \(refusal.meaning)"
            )
        case .outboxDropped(let serverID, let keyCount):
            (.notice, "\(serverID) is slow: \(keyCount) changes waiting for it were dropped; a round will repair that")
        case .roundFinished(_, let serverID, let statistics):
            (
                .debug,
                "reconciled with \(serverID): \(statistics.differenceCount) differences, "
                    + "\(statistics.roundTripCount) round trips, \(statistics.byteCount) bytes, "
                    + "\(Self.seconds(statistics.duration)) s"
            )
        case .streamStarted(_, let serverID, let count, let incoming, let resumed):
            (
                .info,
                "\(resumed ? "resuming" : "starting") a stream of up to \(count) entries "
                    + "\(incoming ? "from" : "to") \(serverID)"
            )
        case .streamProgress(let serverID, let count, let countMax):
            (.info, "\(count) of up to \(countMax) entries streamed from \(serverID) so far")
        case .streamFinished(let serverID, let count, let duration):
            (
                .info,
                "\(count) entries streamed from \(serverID) in \(Self.seconds(duration)) s, "
                    + "\(Int(Double(count) / max(duration / .seconds(1), 0.001))) a second, all on disk"
            )
        case .reconciliationRests(let serverID, let count):
            (
                .error,
                "\(serverID) refused \(count) entries: reconciliation with it rests until the link is made anew; "
                    + "see the refusals above"
            )
        }
    }

    private static func skew(_ serverID: ServerID, _ milliseconds: Int64) -> String {
        "clock skew: \(serverID) is \(ahead(milliseconds)) this host; entries stamped more than 60 s ahead of the "
            + "receiver's clock are refused; set the wrong clock right"
    }

    private static func ahead(_ milliseconds: Int64) -> String {
        let seconds = Double(abs(milliseconds) / 100) / 10
        return "\(seconds) s \(milliseconds > 0 ? "ahead of" : "behind")"
    }

    private static func seconds(_ duration: Duration) -> String {
        let milliseconds = duration / .milliseconds(1)
        return milliseconds < 1_000
            ? "\((milliseconds).rounded() / 1_000)" : "\((milliseconds / 100).rounded() / 10)"
    }
}
