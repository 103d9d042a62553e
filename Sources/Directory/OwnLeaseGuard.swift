// Watches over this member's own server update: somebody else who writes it is an older process, or a clone.
package import Logging
package import Replica
package import Store

/// Has the server update published again when somebody overwrote it, and names a clone.
package actor OwnLeaseGuard {
    private let serverID: ServerID
    private let origin: Origin
    private let store: Store
    private let logger: Logger
    private let publisher: LeasePublisher
    /// The last version of the update that somebody else wrote, and when that was last called a clone.
    private var lastOverwriting: Version?
    private var cloneNamed: ContinuousClock.Instant?
    private var cloneRepliesLeft = 0

    /// - Parameters:
    ///   - origin: That of this process.
    ///   - publisher: Publishes the server update.
    package init(serverID: ServerID, origin: Origin, store: Store, logger: Logger, publisher: LeasePublisher) {
        self.serverID = serverID
        self.origin = origin
        self.store = store
        self.logger = logger
        self.publisher = publisher
    }

    /// Watches until the store is closed. An older process, a clone or a rolled-back clock may have left a newer version of
    /// the update.
    package func run() async {
        let lease = LeaseKey.server(serverID)
        let own = lease.key.bytes
        for await event in store.subscribe() {
            guard case .commit(let commit) = event else { continue }
            for group in commit.groups where group.source != .local {
                var found: Version?
                group.entries.forEach { (header, key, _, _) in
                    if key.copy() == own { found = header.version }
                }
                if let found, await publisher.version(of: lease) != found { overwritten(by: found) }
            }
        }
    }

    /// One version of another origin is what an older process left, and is replaced at once. An origin that goes on
    /// writing is a clone: it would answer every replacement.
    private func overwritten(by version: Version) {
        defer { lastOverwriting = version }
        guard version.origin != origin, let last = lastOverwriting, last.origin == version.origin,
            last.clock < version.clock
        else { return publisher.changed() }
        let now = ContinuousClock.now
        if let cloneNamed, now - cloneNamed < Self.cloneNamingPeriod {
            guard cloneRepliesLeft > 0 else { return }
            cloneRepliesLeft -= 1
            return publisher.changed()
        }
        cloneNamed = now
        cloneRepliesLeft = Self.cloneReplyCount
        logger.error(
            """
            clone: another live member has the server id \(serverID) and writes its server update; give one of them \
            an id of its own with "fastx-agent init" in a new directory
            """)
        // So that the other one finds out as well.
        publisher.changed()
    }

    /// How often a clone is answered after it was named. It takes two writes of one origin to be sure of a clone, and
    /// updates of both that cross each other hide one.
    private static let cloneReplyCount = 2

    /// How often a clone is named; between, the regular updates have to do.
    private static let cloneNamingPeriod: Duration = .seconds(60)
}
