// Starts a member and keeps its services running until it is told to stop.
import Cluster
import Control
import ControlSocket
import Directory
import Gateway
import Glibc
import Gossip
import Hummingbird
import Logging
import MemberConfiguration
import NIOCore
import NIOPosix
import OperatingSystem
import Replica
import ServiceLifecycle
import Store
import Transport
import Trust
import UnixSignals

/// The daemon: `fastx-agent run`.
struct Daemon {
    let directory: VarDirectory

    /// Runs until a signal ends it. Errors at the start are thrown.
    func run() async throws {
        let notifier = try ServiceNotifier.takeFromEnvironment()
        let logs = Logs()
        let member = try await start(logs)
        let update = ServerUpdateSource(member: member)
        let publisher = LeasePublisher(
            "the server update", store: member.store, logger: member.logger,
            every: { member.configuration.settings.updateInterval }
        ) { [Lease(await update.make())] }
        let guardian = OwnLeaseGuard(
            serverID: member.serverID, origin: member.origin, store: member.store, logger: member.logger,
            publisher: publisher)
        await reports.connect { report in
            member.reachability.take(report)
            publisher.changed()
        }
        let journal = Journal(store: member.store, node: member.node, logger: logs[.clusterDatabase])
        let scripts = try ScriptParts(member)
        let global = try await GlobalParts(member, journal, scripts)
        let metrics = try await MetricParts(member, global, update, publisher)
        let reloader = ConfigurationReloader(member.configurations, logger: logs.agent)
        let parts = try await UserParts(member, scripts, global)
        let users = await UserServer(parts, update: update, publisher: publisher)
        let (frontDoor, plainDoor) = (parts.frontDoor(), parts.plainDoor())
        let control = ControlService(
            path: directory.socket, routes: parts.controlRoutes(journal, global, metrics), logger: member.logger)
        await followConfiguration(member, users, publisher, frontDoor, plainDoor)
        let services: [any Service] = [
            StoreService(member: member),
            Background { await member.node.run() },
            Background { await journal.run(own: member.origin, serverID: member.serverID) },
            Background { await global.follow() },
            Background { await global.keepHistory() },
            control,
            Background { await users.run() },
            UserSocketService(path: parts.runtime.userSocket, api: parts.api, logger: member.logger),
            Background {
                await frontDoor.waitUntilListening()
                try await reloader.run()
            },
            Background { await metrics.run() },
            Background { await HangupSignal.each { await reloader.reload() } },
            Background { await Expiry(store: member.store, logger: logs[.clusterDatabase]).run() },
            frontDoor,
            plainDoor,
            Background {
                await frontDoor.waitUntilListening()
                await publisher.run()
            },
            Background {
                await frontDoor.waitUntilListening()
                await guardian.run()
            },
            ScriptService(pool: scripts.pool),
            Announcement {
                await control.waitUntilListening()
                await frontDoor.waitUntilListening()
                if let error = notifier.ready(status: "serving") { logs.agent.warning("\(error)") }
                try await gracefulShutdown()
                await parts.exchange.drain()
                if let error = notifier.stopping() { logs.agent.warning("\(error)") }
            },
            // The last one stops first: links say goodbye while everything else still works.
            GossipService(member: member, frontDoor: frontDoor, update: update, publisher: publisher),
        ]
        try await Self.runAll(services)
        logs.agent.notice("stopped")
    }

    private func followConfiguration(
        _ member: RunningMember, _ users: UserServer, _ publisher: LeasePublisher, _ frontDoor: ListenerService,
        _ plainDoor: ListenerService
    ) async {
        await member.configurations.follow(
            ConfigurationFollower.all(member, users, frontDoor: frontDoor, plainDoor: plainDoor))
        await member.configurations.observe { applied in
            applied.log(to: member.logger)
            if !applied.change.isEmpty { publisher.changed() }
        }
    }

    /// Returns once a signal has ended all of them.
    private static func runAll(_ services: [any Service]) async throws {
        let group = ServiceGroup(
            configuration: .init(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Logger(label: "services") {
                    var handler = StreamLogHandler.standardError(label: $0)
                    handler.logLevel = .warning
                    return handler
                }))
        try await group.run()
    }

    private let reports = ReportHub()

    init(directory: VarDirectory) { self.directory = directory }

    private func start(_ logs: Logs) async throws -> RunningMember {
        try Sodium.start()
        let protection = try SelfProtection.apply()
        let proxies = try proxyRules(logs)
        let serverID = try checkDirectory()
        let (configuration, warnings) = try directory.configuration.load()
        let missing = directory.configuration.checkReferencedFiles(configuration)
        guard missing.isEmpty else { throw AgentError.configuration(missing.map(\.description)) }
        logs.topics.set(configuration.debug.topics)
        for warning in warnings { logs.agent.warning("\(warning)") }
        let keyRing = try KeyRing(configured: configuration.cluster.keys)
        let (chain, key) = try RunningMember.readCertificate(configuration.web, directory.configuration)
        let certificate = try ServerCertificate(chain: chain, key: key)
        let origin = Origin(raw: UInt64.random(in: 1...UInt64.max))
        try await StoreChild.probe(directory)
        let store = try openStore(configuration, origin)
        let authenticator = MemberAuthenticator(
            serverID: serverID, keyRing: keyRing, proxies: configuration.cluster.unboundProxyRanges)
        let node = makeNode(configuration, serverID, origin, keyRing, store, authenticator, proxies, logs)
        await reports.log(to: logs[.clusterCommunication], agent: logs.agent, store: store)
        logs.agent.notice(
            """
            \(ProgramVersion.software), server id \(serverID), \(store.summary.count) entries, var directory \
            \(directory.path), up to \(protection.openFilesNow) open files
            """)
        return RunningMember(
            directory: directory, serverID: serverID, origin: origin, store: store, node: node,
            authenticator: authenticator, certificate: certificate, proxies: proxies, logs: logs,
            configurations: ConfigurationStore(directory.configuration, current: configuration))
    }

    private func proxyRules(_ logs: Logs) throws -> ProxyRules {
        do throws(ProxyVariableError) {
            let rules = try ProxyRules(environment: ProcessEnvironment.current())
            if let proxy = rules.proxy {
                logs.agent.notice(
                    """
                    members are reached through the proxy \(proxy), as \(proxy.place) in the environment says; not so \
                    the hosts in NO_PROXY
                    """)
            }
            return rules
        } catch {
            throw AgentError.configuration([error.description])
        }
    }

    /// Refuses a directory that is not there, that others can read, or that does not hold a member. Returns its id.
    private func checkDirectory() throws -> ServerID {
        let directory = try directory.existing()
        if let problem = FileModes.checkPrivate(path: directory.path) {
            throw AgentError.configuration([problem.description])
        }
        guard directory.socket.utf8.count <= VarDirectory.socketPathByteCountMax else {
            throw AgentError.configuration([
                "\(directory.socket): the path of the agent's socket is longer than "
                    + "\(VarDirectory.socketPathByteCountMax) bytes; move the var directory to a shorter path"
            ])
        }
        let serverID = try directory.serverID()
        let mistakes = directory.configuration.checkModes()
        guard mistakes.isEmpty else { throw AgentError.configuration(mistakes.map(\.description)) }
        return serverID
    }

    private func openStore(_ configuration: Configuration, _ origin: Origin) throws -> Store {
        var options = StoreOptions()
        options.mapByteCount = configuration.settings.storeMapGiB << 30
        return try Store.open(directory: directory.store, options: options, origin: origin, clock: WallClock.now)
    }

    private func makeNode(
        _ configuration: Configuration, _ serverID: ServerID, _ origin: Origin, _ keyRing: KeyRing, _ store: Store,
        _ authenticator: MemberAuthenticator, _ proxies: ProxyRules, _ logs: Logs
    ) -> GossipNode {
        let group = MultiThreadedEventLoopGroup.singleton
        var settings = EngineSettings()
        settings.reconcileInterval = configuration.settings.reconcileInterval
        let reports = reports
        return GossipNode(
            identity: MemberIdentity(
                serverID: serverID, origin: origin, isExternal: configuration.cluster.external,
                software: ProgramVersion.software),
            keyRing: keyRing, settings: settings, store: StoreForGossip(store: store, logger: logs[.clusterDatabase]),
            dialler: Dialler(group: group, proxies: proxies) { try authenticator.tokens(for: $0) },
            clock: NodeClock(wallTime: WallClock.now), timerLoop: group.next(), logger: logs[.clusterCommunication]
        ) { reports.send($0) }
    }
}
