// The links that this member holds to external ones.
package import Directory
package import Gateway
import Logging
import MemberConfiguration
package import NIOCore
package import OperatingSystem
package import Replica
import Synchronization

/// Holds one link to each external member that the map names.
package actor ExternalLinks {
    private struct Held {
        let target: MemberTarget
        let node: RelayLinkNode
        let task: Task<Void, Never>
    }

    private let routes: MemberRoutes
    private let host: RelayHost
    private var held: [ServerID: Held] = [:]
    /// Why an external member is not linked to.
    private var problems: [ServerID: String] = [:]
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    /// Holds no link before `run`.
    package init(routes: MemberRoutes, host: RelayHost) {
        self.routes = routes
        self.host = host
        (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Looks at the map again with every server update: it may change which members are external, and where they are.
    package nonisolated func follow(_ events: Observers<RegistryEvent>) {
        events.observe { [changed] in if case .server = $0 { changed.yield() } }
    }

    /// Holds the links until it is cancelled.
    package func run() async {
        changed.yield()
        for await _ in changes { await update() }
        for link in held.values { link.task.cancel() }
        for link in held.values { await link.task.value }
        held = [:]
    }

    private func update() async {
        let wanted = await targets()
        for (serverID, link) in held where wanted[serverID] != link.target {
            link.task.cancel()
            held[serverID] = nil
        }
        for (serverID, target) in wanted where held[serverID] == nil {
            let node = RelayLinkNode(target: target, host: host, client: routes.makeClient())
            held[serverID] = Held(target: target, node: node, task: Task { await node.run() })
        }
    }

    private func targets() async -> [ServerID: MemberTarget] {
        let own = routes.serverID
        problems = [:]
        // External members are reached by each other as by anybody, and need no links.
        guard !routes.configuration.cluster.external else { return [:] }
        var targets: [ServerID: MemberTarget] = [:]
        for serverID in routes.registry.externalServerIDs() where serverID != own {
            do throws(Problem) {
                targets[serverID] = try await routes.target(ofExternal: serverID)
            } catch {
                problems[serverID] = error.detail
            }
        }
        return targets
    }

    /// What is known of each link.
    package var statuses: [RelayLinkNode.Status] {
        get async {
            var statuses: [RelayLinkNode.Status] = []
            for link in held.sorted(by: { $0.key < $1.key }) { statuses.append(await link.value.node.status) }
            return statuses
        }
    }

    /// The external members to which no link can be held and why, in the order of their server ids.
    package var failures: [(serverID: ServerID, detail: String)] {
        problems.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}

private struct NotListening: Error, CustomStringConvertible {
    let description = "this member does not listen yet"
}

/// The member's listener, for connections that it opened itself.
package final class RelayDoor: Sendable {
    private let door = Mutex<FrontDoor?>(nil)

    /// Closed: it throws at every connection.
    package init() {}

    /// Takes connections from now on, with a door that takes the place of an earlier one.
    package func open(_ door: FrontDoor) { self.door.withLock { $0 = door } }

    /// Sets a connection up for requests, on its event loop.
    package func admit(_ channel: any Channel, _ peer: String) throws -> UpgradedSession {
        guard let door = door.withLock({ $0 }) else { throw NotListening() }
        return try door.admitRelayed(channel, peer: peer, logger: .quietHTTP)
    }
}
