// The links that this member holds to external ones.
import Directory
import Gateway
import Logging
import MemberConfiguration
import NIOCore
import OperatingSystem
import Replica
import Synchronization

/// Holds one link to each external member that the map names.
actor ExternalLinks {
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

    init(routes: MemberRoutes, host: RelayHost) {
        self.routes = routes
        self.host = host
        (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Looks at the map again with every server update: it may change which members are external, and where they are.
    nonisolated func follow(_ events: Observers<RegistryEvent>) {
        events.observe { [changed] in if case .server = $0 { changed.yield() } }
    }

    /// Holds the links until it is cancelled.
    func run() async {
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
        // External members are reached by each other as by anybody, and need no links.
        guard !routes.configuration.cluster.external else { return [:] }
        var targets: [ServerID: MemberTarget] = [:]
        problems = [:]
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
    var statuses: [RelayLinkNode.Status] {
        get async {
            var statuses: [RelayLinkNode.Status] = []
            for link in held.sorted(by: { $0.key < $1.key }) { statuses.append(await link.value.node.status) }
            return statuses
        }
    }

    var failures: [(serverID: ServerID, detail: String)] {
        problems.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}

private struct NotListening: Error, CustomStringConvertible {
    let description = "this member does not listen yet"
}

/// The member's listener, for connections that it opened itself.
final class RelayDoor: Sendable {
    private let door = Mutex<FrontDoor?>(nil)

    func open(_ door: FrontDoor) { self.door.withLock { $0 = door } }

    /// Sets a connection up for requests, on its event loop.
    func admit(_ channel: any Channel, _ peer: String) throws -> UpgradedSession {
        guard let door = door.withLock({ $0 }) else { throw NotListening() }
        return try door.admitRelayed(channel, peer: peer, logger: .quietHTTP)
    }
}
