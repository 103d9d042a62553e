// Tells in the log whom this member cannot reach any more, and who cannot reach it: once for each change.
package import Directory
package import Logging
import OperatingSystem
package import Replica
import Synchronization

/// Tells of changes in both directions.
package final class ReachNews: Sendable {
    private let serverID: ServerID
    private let registry: Registry
    private let logger: Logger
    /// Why members cannot be reached from here, as it was told last.
    private let verdicts = Mutex<[ServerID: String]>([:])
    /// Why members cannot reach this one, as it was told last.
    private let complaints = Mutex<[ServerID: String]>([:])

    /// Says nothing before `follow`.
    package init(serverID: ServerID, registry: Registry, logger: Logger) {
        self.serverID = serverID
        self.registry = registry
        self.logger = logger
    }

    /// Looks at what changes from now on.
    package func follow(_ reachability: Reachability) {
        reachability.changes.observe { [self] in tell(reachability.unreachable.mapValues(\.reason)) }
        registry.events.observe { [self] in if case .server(let update) = $0 { hear(update) } }
    }

    private func tell(_ found: [ServerID: String]) {
        let old = verdicts.withLock { verdicts in
            defer { verdicts = found }
            return verdicts
        }
        for (member, reason) in found.sorted(by: { $0.key < $1.key }) where old[member] != reason {
            logger.warning("\(registry.title(of: member)) cannot be reached from here: \(reason)")
        }
        for member in old.keys.sorted() where found[member] == nil && registry.address(of: member) != nil {
            logger.notice("\(registry.title(of: member)) can be reached from here again")
        }
    }

    private func hear(_ update: ServerUpdate) {
        let member = update.serverID
        guard member != serverID else { return }
        let reason = update.unreachable[serverID]
        let old = complaints.withLock { complaints in
            // What members say that are no more is forgotten.
            complaints = complaints.filter { $0.key == member || registry.address(of: $0.key) != nil }
            defer { complaints[member] = reason }
            return complaints[member]
        }
        guard old != reason else { return }
        let name = registry.title(of: member)
        if let reason {
            logger.warning("\(ReachComplaints.sentence(registry.urls(of: serverID), "\(name) says: \(reason)"))")
        } else {
            logger.notice("\(name) can reach this member again")
        }
    }
}

/// What the other members say of the way to this one.
package enum ReachComplaints {
    /// Who cannot reach a member and why, by their own server updates; in the order of their server ids.
    package static func about(_ member: ServerID, _ registry: Registry) -> [(serverID: ServerID, reason: String)] {
        registry.servers().map(\.update).filter { $0.serverID != member && !$0.isStopped }.compactMap { update in
            update.unreachable[member].map { (update.serverID, $0) }
        }.sorted { $0.serverID < $1.serverID }
    }

    /// The text for the one who can mend it.
    ///
    /// - Parameter saying: Who says what.
    package static func sentence(_ urls: [String], _ saying: String) -> String {
        let place = urls.first.map { " at \($0)" } ?? ""
        return "other members cannot reach this member\(place): \(saying); \(ServerUpdate.adviceHere)"
    }
}
