// The HTTP interface of a member in this process: real parts, no listener.
import API
import Accounts
import Certificates
import Cluster
import Control
import Directory
import Displays
import Foundation
import Gateway
import Glibc
import Global
import Gossip
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import JSON
import Logging
import MemberConfiguration
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix
import NIOSSL
import OperatingSystem
import Replica
import Scripts
import Sessions
import Store
import Synchronization
import TestSupport
import Testing
import Transport
import Trust

/// The lines that were logged.
final class CapturedLog: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: CapturedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { log.lines.withLock { $0.append("\(event.message)") } }
    }
}

/// A member `m` without a cluster key, with an empty map.
final class InterfaceFixture: Sendable {
    let directory: TemporaryDirectory
    let store: Store
    let this: ThisMember
    let registry: Registry
    let logins: LoginService
    let sessions: SessionBook
    let events = UserEvents()
    let authenticator: MemberAuthenticator
    let api: APIRouter
    private let upgrades: RoutedUpgrades
    let access = CapturedLog()
    let agentLog = CapturedLog()

    init(_ configuration: Configuration = Configuration(), keyRing: KeyRing = KeyRing()) async throws {
        directory = try TemporaryDirectory()
        let path = directory.path
        try Sodium.start()
        store = try Store.open(
            directory: "\(path)/store", options: StoreOptions(), origin: Origin(raw: 1), clock: WallClock.now)
        let configurations = ConfigurationStore(
            ConfigurationDirectory(path: "\(path)/config"), current: configuration)
        this = ThisMember(serverID: "m", hostname: "host.example", configurations: configurations) {
            ["https://host.example:3300"]
        }
        registry = Registry(store: store, serverID: "m")
        authenticator = MemberAuthenticator(serverID: "m", keyRing: keyRing, proxies: [])
        let keys = try await UserKeys(serverID: "m", authenticator: authenticator, store: store)
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let stewards = try StewardServer(
            path: "\(path)/stewards/socket", options: StewardServer.Options(serverID: "m"), isAllowed: { _ in true },
            log: { _, _ in })
        logins = LoginService(
            serverID: "m", book: LoginBook(store: store, keys: keys, logger: quiet), stewards: stewards,
            launchers: StewardLaunchers(
                serverID: "m", stewards: stewards, socket: "\(path)/stewards/socket", program: "/nonexistent",
                privateDirectory: path), logger: quiet)
        sessions = SessionBook(stewards: stewards, store: store, logger: quiet)
        let exchange = RelayExchange { _ in }
        let proxies = try ProxyRules(environment: [:])
        let node = Self.node(authenticator, store, proxies, quiet)
        let routes = MemberRoutes(
            serverID: "m", configurations: configurations, registry: registry, node: node,
            proxies: proxies, logger: quiet)
        let reachability = Reachability(loop: MultiThreadedEventLoopGroup.singleton.next())
        api = APIRouter(
            this, logins: logins,
            authentication: Authentication(serverID: "m", book: logins.book, keys: keys, registry: registry) {
                configurations.current.settings.logins
            },
            sessions: sessions, events: events,
            others: OtherMembers(
                serverID: "m", registry: registry,
                proxy: MemberProxy(
                    serverID: "m", routes: routes, authenticator: authenticator, reachability: reachability,
                    logger: quiet, client: routes.makeClient(relay: exchange)),
                placer: Placer(
                    serverID: "m", registry: registry, reachability: reachability, linked: { exchange.linkedMembers },
                    configuration: { GlobalConfiguration() }, predefined: PredefinedScripts(),
                    pool: ScriptPool {
                        ScriptLimits(node: "/nonexistent", time: .seconds(1), memoryMiB: 64)
                    } start: { (_) throws(ScriptStartError) in
                        throw .refused("these tests run no scripts")
                    }, ownSessions: { _ in [] })),
            authenticator: authenticator, certificate: try Self.certificate(),
            history: HistoryDocument(
                store: store, trail: try ReplicatedAuditTrail(in: store, of: "m"), history: try LocalHistory(in: store)
            ) { _ in nil },
            pages: Pages(installed: InstalledPages(program: "\(path)/bin/program")),
            memberRoutes: [
                GossipRoutes(authenticator: authenticator, node: node),
                ReachRoutes(
                    member: this,
                    probe: MemberProbe(
                        routes: routes, authenticator: authenticator, client: routes.makeClient(relay: exchange))),
                RelayRoutes(member: this, exchange: exchange),
            ],
            loggers: APIRouter.Loggers(agent: agentLog.logger, access: access.logger, links: access.logger))
        upgrades = RoutedUpgrades(serverID: "m", responder: api.router(at: .port).buildResponder())
    }

    private static func node(
        _ authenticator: MemberAuthenticator, _ store: Store, _ proxies: ProxyRules, _ logger: Logger
    ) -> GossipNode {
        let group = MultiThreadedEventLoopGroup.singleton
        return GossipNode(
            identity: MemberIdentity(
                serverID: "m", origin: Origin(raw: 1), isExternal: false, software: ProgramVersion.software),
            keyRing: authenticator.keyRing, settings: EngineSettings(),
            store: StoreForGossip(store: store, logger: logger),
            dialler: Dialler(group: group, proxies: proxies) {
                try authenticator.tokens(for: $0)
            },
            clock: NodeClock(wallTime: WallClock.now), timerLoop: group.next(), logger: logger
        ) { _ in }
    }

    /// Asks the routes of a door.
    func test<Value>(
        at door: APIRouter.Door = .port, _ body: @Sendable (any TestClientProtocol) async throws -> Value
    ) async throws -> Value {
        try await Application(responder: api.router(at: door).buildResponder()).test(.router, body)
    }

    /// A login of the user who runs the tests.
    func logIn() async throws -> LoginToken {
        try await logins.book.begin(
            try UnixUser.current(), this.configuration.settings.logins, address: "", userAgent: ""
        ).1
    }

    /// Asks for an upgrade at the one port.
    func upgrade(_ path: String, _ fields: [(String, String)] = []) async -> Result<UpgradeAdmission, Problem> {
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: path, headers: HTTPHeaders([("host", "host.example")] + fields))
        let connection = ConnectionInfo(
            peer: "192.0.2.1:5", peerAddress: "192.0.2.1", certificateHash: [1], channel: NIOAsyncTestingChannel())
        do throws(Problem) {
            return .success(try await upgrades.admit(head, connection))
        } catch {
            return .failure(error)
        }
    }

    private static func certificate() throws -> ServerCertificate {
        let made = try SelfSignedCertificate.make(
            commonName: "host.example", names: ["host.example"], addresses: [], now: WallClock.seconds())
        return try ServerCertificate(
            chain: NIOSSLCertificate.fromPEMBytes(made.certificatePEM),
            key: NIOSSLPrivateKey(bytes: made.privateKeyPEM, format: .pem))
    }
}
