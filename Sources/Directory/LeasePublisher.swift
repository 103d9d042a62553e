// Publishes leases of this member: regularly, and soon after a change.
package import JSON
package import Logging
package import Replica
package import Store

/// A lease as it is to be in the map.
package struct Lease: Sendable {
    /// Where it is in the map; of several leases with one key the last counts.
    package let key: LeaseKey
    /// What is written there, as canonical JSON.
    package let document: JSONValue

    /// What a member says of itself, under `server/`.
    package init(_ update: ServerUpdate) {
        key = .server(update.serverID)
        document = update.document
    }

    /// A login at this member, under `login/`.
    package init(_ login: LoginLease) {
        key = login.key
        document = login.document
    }

    /// A session of this member, under `session/`.
    package init(_ session: SessionLease) {
        key = session.key
        document = session.document
    }
}

/// Keeps some of this member's leases up to date. Nobody else writes them.
package actor LeasePublisher {
    /// What there is to publish now. A lease that was published and is not among these any more is deleted.
    package typealias Source = @Sendable () async -> [Lease]

    private let store: Store
    private let logger: Logger
    /// What is published, for the log.
    private let name: String
    private let interval: @Sendable () async -> Duration
    private let source: Source
    private let rhythm = Republishing()
    private var published: [LeaseKey: Version] = [:]
    private var last: Task<Void, Never>?
    /// What is to be said last of all.
    private var lastLeases: [Lease]?
    private var isFinished = false

    /// - Parameters:
    ///   - name: What is published, in words for the log.
    ///   - interval: How long from one publication to the next without a change.
    ///   - source: Asked at each publication.
    package init(
        _ name: String, store: Store, logger: Logger, every interval: @escaping @Sendable () async -> Duration,
        source: @escaping Source
    ) {
        self.name = name
        self.store = store
        self.logger = logger
        self.interval = interval
        self.source = source
    }

    /// Asks for a publication soon; may be called from anywhere.
    package nonisolated func changed() { rhythm.changed() }

    /// Publishes something for the last time, in place of what the source would say: nothing is published after it.
    ///
    /// Returns when it is in the map, and so on its way to the links that are open.
    package func finish(with leases: [Lease]) async {
        lastLeases = leases
        await publish()
    }

    /// Publishes until cancelled, or until the store is closed.
    package func run() async { await rhythm.run(every: interval) { await self.publish() } }

    /// The version that a lease was last published in; nil where it was not.
    package func version(of key: LeaseKey) -> Version? { published[key] }

    /// One after the other, in the order in which it was asked for: what was gathered earlier may not be written later.
    private func publish() async {
        let before = last
        let task = Task {
            await before?.value
            await write()
        }
        last = task
        await task.value
    }

    private func write() async {
        guard !isFinished else { return }
        // Also where it was asked for before: whatever comes first says it.
        isFinished = lastLeases != nil
        let leases = if let lastLeases { lastLeases } else { await source() }
        var writes = leases.map { lease in
            LocalWrite(
                key: lease.key.key,
                change: .put(
                    Array(lease.document.canonicalText.utf8), leaseMilliseconds: LeaseKey.milliseconds))
        }
        let gone = Set(published.keys).subtracting(leases.map(\.key))
        writes += gone.map { LocalWrite(key: $0.key, change: .delete) }
        guard !writes.isEmpty else { return }
        do throws(StoreError) {
            let written = try await store.write(writes)
            published = Dictionary(zip(leases.map(\.key), written.map(\.version))) { $1 }
        } catch {
            logger.error("\(name): not published: \(error)")
        }
    }
}
