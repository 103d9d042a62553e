// Puts the parts that serve users together.
import API
import Accounts
import Cluster
import Directory
import Displays
import Gateway
import Glibc
import Global
import Logging
import MemberConfiguration
import OperatingSystem
import Relay
import Replica
import Sessions
import Store
import Transport

/// The parts that serve users of this member, and those that carry them to others.
struct UserParts: Sendable {
    let member: RunningMember
    let runtime: RuntimeDirectory
    let this: ThisMember
    let registry: Registry
    let logins: LoginService
    let sessions: SessionBook
    let events = UserEvents()
    /// The links of other members to this one, where it is external.
    let exchange: RelayExchange
    /// The links of this member to external ones.
    let externalLinks: ExternalLinks
    /// Where requests come in over connections to external members.
    let relayDoor = RelayDoor()
    let pages: InstalledPages
    /// Runs the scripts that choose servers.
    let scripts: ScriptParts
    let placer: Placer
    /// Tries the way to other members.
    let probe: MemberProbe
    let api: APIRouter

    var stewards: StewardServer { logins.stewards }

    /// Opens the socket for stewards, so that they find their way back soon after a restart.
    init(_ member: RunningMember, _ scripts: ScriptParts, _ global: GlobalParts) async throws {
        self.member = member
        let (serverID, configurations, logger) = (member.serverID, member.configurations, member.logs.agent)
        let program = try HostFile.linkTarget(of: "/proc/self/exe")
        let hostname = try HostNames.hostname()
        runtime = RuntimeDirectory(configurations.current.settings, member.directory)
        this = ThisMember(serverID: serverID, hostname: hostname, configurations: configurations) {
            await member.urls(hostname: hostname)
        }
        registry = Registry(store: member.store, serverID: serverID)
        let keys = try await UserKeys(serverID: serverID, authenticator: member.authenticator, store: member.store)
        logins = try Self.logins(member, runtime, program, keys)
        sessions = SessionBook(stewards: logins.stewards, store: member.store, logger: logger)
        exchange = RelayExchange { $0.log(to: logger) }
        let routes = MemberRoutes(
            serverID: serverID, configurations: configurations, registry: registry, node: member.node,
            proxies: member.proxies, logger: logger)
        externalLinks = ExternalLinks(
            routes: routes,
            host: RelayHost(
                tokens: { [authenticator = member.authenticator] in try authenticator.tokens(for: $0) },
                serve: { [relayDoor] in try relayDoor.admit($0, $1) }, logger: logger,
                debugLogger: member.logs[.clusterExternalConnections]))
        pages = InstalledPages(program: program)
        let client = routes.makeClient(relay: exchange)
        probe = MemberProbe(routes: routes, authenticator: member.authenticator, client: client)
        self.scripts = scripts
        placer = Self.placer(member, registry, exchange, this, sessions, scripts) { global.index.current }
        api = Self.api(
            this, member, logins, sessions, events, global.document, pages, keys, routes, exchange, client, probe,
            placer)
        await logins.book.load()
        await sessions.load()
        logger.info("sockets for this host's users are in \(runtime.path)")
        if let problem = pages.problem { logger.warning("\(problem)") }
    }

    private static func logins(
        _ member: RunningMember, _ runtime: RuntimeDirectory, _ program: String, _ keys: UserKeys
    ) throws -> LoginService {
        let (serverID, logger) = (member.serverID, member.logs.agent)
        let stewards = try StewardServer(
            path: runtime.stewardSocket,
            options: StewardServer.Options(
                serverID: serverID, settings: StewardSettings(member.configuration.settings.sessions)),
            isAllowed: isAllowed, log: { level, line in logger.log(level: Logger.Level(level), "\(line)") })
        try runtime.makePrivateDirectory()
        return LoginService(
            serverID: serverID, book: LoginBook(store: member.store, keys: keys, logger: logger), stewards: stewards,
            launchers: StewardLaunchers(
                serverID: serverID, stewards: stewards, socket: runtime.stewardSocket, program: program,
                privateDirectory: runtime.privateDirectory),
            logger: logger)
    }

    private static func api(
        _ this: ThisMember, _ member: RunningMember, _ logins: LoginService, _ sessions: SessionBook,
        _ events: UserEvents, _ history: HistoryDocument, _ pages: InstalledPages, _ keys: UserKeys,
        _ routes: MemberRoutes,
        _ exchange: RelayExchange, _ client: MemberClient, _ probe: MemberProbe, _ placer: Placer
    ) -> APIRouter {
        let (serverID, logger) = (this.serverID, member.logs.agent)
        let proxy = MemberProxy(
            serverID: serverID, routes: routes, authenticator: member.authenticator,
            reachability: member.reachability, logger: logger, client: client)
        return APIRouter(
            this, logins: logins,
            authentication: Authentication(
                serverID: serverID, book: logins.book, keys: keys, registry: routes.registry
            ) { this.configuration.settings.logins },
            sessions: sessions, events: events,
            others: OtherMembers(serverID: serverID, registry: routes.registry, proxy: proxy, placer: placer),
            authenticator: member.authenticator, certificate: member.certificate, history: history,
            pages: Pages(installed: pages),
            memberRoutes: [
                GossipRoutes(authenticator: member.authenticator, node: member.node),
                ReachRoutes(member: this, probe: probe), RelayRoutes(member: this, exchange: exchange),
            ],
            loggers: APIRouter.Loggers(
                agent: logger, access: member.logs.access, links: member.logs[.clusterExternalConnections]))
    }

    /// The agent's own user, and people: system accounts have no business here.
    private static func isAllowed(_ uid: uid_t) -> Bool {
        if uid == geteuid() { return true }
        guard let user = try? UnixUser.withID(uid) else { return false }
        return !user.isSystemAccount
    }
}

extension StewardSettings {
    init(_ sessions: SessionConfiguration) {
        self.init(sessionCountMax: sessions.perUserMax, forgottenSeconds: sessions.forgottenAfterHours * 3_600)
    }
}

extension Logger.Level {
    fileprivate init(_ level: LogLevel) {
        switch level {
        case .debug: self = .debug
        case .info: self = .info
        case .notice: self = .notice
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}

extension RelayHub.Report {
    fileprivate func log(to logger: Logger) {
        switch self {
        case .linked(let member): logger.info("\(member) is linked to this external member")
        case .unlinked(let member, let detail): logger.notice("the link of \(member) ended: \(detail)")
        case .refusedNonce(let member, let error):
            logger.warning("a connection that \(member) opened was refused: \(error)")
        }
    }
}
