// Lets the parts that serve users know of each other's changes, and keeps them running.
import API
import Accounts
import Cluster
import Directory
import Displays
import Gateway
import MemberConfiguration
import OperatingSystem
import Sessions

/// Everything for users of this member, while it runs.
struct UserServer: Sendable {
    let parts: UserParts
    /// This member's logins and sessions, for the others.
    private let leases: LeasePublisher

    /// - Parameters:
    ///   - update: Is told how many users there are.
    ///   - publisher: Publishes that.
    init(_ parts: UserParts, update: ServerUpdateSource, publisher: LeasePublisher) async {
        self.parts = parts
        leases = Self.leases(parts)
        let (this, book, sessions, registry) = (parts.this, parts.logins.book, parts.sessions, parts.registry)
        let (stewards, keeper) = (
            parts.stewards,
            StewardKeeper(logins: parts.logins, configurations: this.configurations, logger: parts.member.logger)
        )
        parts.events.follow(book, this) { stewards.isConnected($0.uid) }
        parts.events.follow(sessions, this)
        parts.events.follow(registry)
        sessions.follow(book.events, registry.events)
        parts.externalLinks.follow(registry.events)
        SharedGatewayKeyWarning(registry: registry, logger: parts.member.logger).follow(registry.events)
        Self.learnReachability(parts, publisher)
        await keeper.follow(book)
        sessions.events.observe { event in
            if case .steward(let uid) = event { Task { await keeper.relaunch(uid) } }
        }
        publishChanges(to: publisher)
        await update.counts { await UserCounts(logins: book.all, sessions: sessions.all) }
    }

    /// Learns whom this member can reach, and has the others and the log told.
    private static func learnReachability(_ parts: UserParts, _ publisher: LeasePublisher) {
        let (member, registry, configurations) = (parts.member, parts.registry, parts.member.configurations)
        member.reachability.setInterval(configurations.current.settings.probeInterval)
        ReachNews(serverID: member.serverID, registry: registry, logger: member.logger).follow(member.reachability)
        member.reachability.changes.observe { publisher.changed() }
        member.reachability.start(
            registry, own: member.serverID, isExternal: { configurations.current.cluster.external }
        ) { [probe = parts.probe] in configurations.current.cluster.external ? .gone : await probe.outcome($0) }
    }

    private static func leases(_ parts: UserParts) -> LeasePublisher {
        let (this, book, sessions, stewards) = (parts.this, parts.logins.book, parts.sessions, parts.stewards)
        return LeasePublisher(
            "logins and sessions", store: parts.member.store, logger: parts.member.logger,
            every: { this.configuration.settings.updateInterval }
        ) {
            await book.endExpired(this.configuration.settings.logins)
            let logins = await book.all.map {
                $0.lease(at: this.serverID, hasLink: stewards.isConnected($0.uid))
            }
            let sessions = await sessions.all.map { $0.lease(of: this.serverID, hostname: this.hostname) }
            return logins.map { Lease($0) } + sessions.map { Lease($0) }
        }
    }

    /// Has the others told soon of what they would see.
    private func publishChanges(to publisher: LeasePublisher) {
        let leases = leases
        parts.logins.book.events.observe { _ in
            leases.changed()
            publisher.changed()
        }
        parts.sessions.events.observe { event in
            switch event {
            case .changed(_, isVisible: false): return
            case .changed, .removed: publisher.changed()
            case .steward: break
            }
            leases.changed()
        }
    }

    /// Serves until cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await parts.sessions.run() }
            group.addTask { await parts.registry.run(parts.member.logger) }
            group.addTask { await leases.run() }
            group.addTask { await parts.externalLinks.run() }
            await group.waitForAll()
        }
        parts.stewards.close()
    }
}
