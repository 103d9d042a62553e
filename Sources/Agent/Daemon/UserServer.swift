// Puts the parts that serve users together, and keeps them running.
import Directory
import Gateway
import Glibc
import JSON
import Logging
import OperatingSystem
import Relay
import Replica
import Sessions
import Store
import Transport

/// Everything for users of this member.
struct UserServer: Sendable {
    let services: UserServices
    let runtime: RuntimeDirectory
    private let leases: LeasePublisher
    private let update: ServerUpdateSource
    private let publisher: LeasePublisher

    /// Opens the socket for stewards, so that they find their way back soon after a restart.
    init(member: RunningMember, update: ServerUpdateSource, publisher: LeasePublisher) async throws {
        let settings = member.configuration.settings
        let serverID = member.serverID
        let runtime = RuntimeDirectory(settings, member.directory)
        let logger = member.logs.agent
        let stewards = try StewardServer(
            path: runtime.stewardSocket,
            options: StewardServer.Options(serverID: serverID, settings: StewardSettings(settings.sessions)),
            isAllowed: Self.isAllowed,
            log: { level, line in logger.log(level: Logger.Level(level), "\(line)") })
        try runtime.makePrivateDirectory()
        let keys = try await UserKeys(serverID: serverID, authenticator: member.authenticator, store: member.store)
        let book = LoginBook(store: member.store, keys: keys, logger: logger)
        let registry = Registry(store: member.store, serverID: serverID)
        let sessions = SessionBook(stewards: stewards, store: member.store, logger: logger)
        let program = try HostFile.linkTarget(of: "/proc/self/exe")
        let launchers = StewardLaunchers(
            serverID: serverID, stewards: stewards, socket: runtime.stewardSocket, program: program,
            privateDirectory: runtime.privateDirectory)
        let hostname = try HostNames.hostname()
        let external = member.logs[.clusterExternalConnections]
        let exchange = RelayExchange { $0.log(to: logger) }
        let routes = MemberRoutes(member: member, registry: registry)
        let relayDoor = RelayDoor()
        let authenticator = member.authenticator
        services = UserServices(
            member: member, book: book, sessions: sessions, stewards: stewards,
            logins: LoginService(
                serverID: serverID, book: book, stewards: stewards, launchers: launchers, logger: logger),
            events: UserEvents(),
            authentication: Authentication(serverID: serverID, book: book, keys: keys, registry: registry) {
                member.configuration.settings.logins
            },
            keys: keys, registry: registry,
            proxy: MemberProxy(
                serverID: serverID, routes: routes, authenticator: authenticator,
                logger: logger, client: routes.makeClient(relay: exchange)),
            exchange: exchange,
            externalLinks: ExternalLinks(
                routes: routes,
                host: RelayHost(
                    tokens: { try authenticator.tokens(for: $0) }, serve: { try relayDoor.admit($0, $1) },
                    logger: logger, debugLogger: external)),
            relayDoor: relayDoor, hostname: hostname, pages: InstalledPages(program: program))
        leases = LeasePublisher(
            "logins and sessions", store: member.store, logger: logger,
            every: { member.configuration.settings.updateInterval }
        ) {
            await book.endExpired(member.configuration.settings.logins)
            let logins = await book.all.map { $0.lease(at: serverID, hasLink: stewards.isConnected($0.uid)) }
            let sessions = await sessions.all.map { $0.lease(of: serverID, hostname: hostname) }
            return logins.map { Lease($0) } + sessions.map { Lease($0) }
        }
        self.update = update
        self.runtime = runtime
        self.publisher = publisher
        await book.load()
        await sessions.load()
        await connect()
        logger.info("sockets for this host's users are in \(runtime.path)")
        if let problem = services.pages.problem { logger.warning("\(problem)") }
    }

    /// The agent's own user, and people: system accounts have no business here.
    private static func isAllowed(_ uid: uid_t) -> Bool {
        if uid == geteuid() { return true }
        guard let user = try? UnixUser.withID(uid) else { return false }
        return !user.isSystemAccount
    }

    /// Lets every change be known to those whom it concerns.
    private func connect() async {
        let (services, leases, publisher) = (services, leases, publisher)
        let (stewards, events, serverID, hostname) = (
            services.stewards, services.events, services.serverID, services.hostname
        )
        await services.book.observe { event in
            let login: Login
            switch event {
            case .began(let new):
                login = new
                events.publish(
                    "login", of: login.user,
                    login.lease(at: serverID, hasLink: stewards.isConnected(login.uid)).shown(isCurrent: false))
            case .ended(let old):
                login = old
                events.publish("loginRemoved", of: login.user, ["id": .string(login.id)])
                Task { await services.sessions.disconnectViewers(ofLogin: login.id, DisplayRoute.loggedOut) }
            }
            Task { stewards.setLoginCount(login.uid, await services.book.logins(of: login.uid).count) }
            leases.changed()
            publisher.changed()
        }
        for login in await services.book.all {
            stewards.setLoginCount(login.uid, await services.book.logins(of: login.uid).count)
        }
        await services.sessions.observe { event in
            switch event {
            case .changed(let session, let isVisible):
                events.publish("session", of: session.user, session.lease(of: serverID, hostname: hostname).document)
                guard isVisible else { return }
            case .removed(let session):
                events.publish("sessionRemoved", of: session.user, ["id": .string(session.id)])
            }
            leases.changed()
            publisher.changed()
        }
        await services.sessions.observeStewards { uid in
            if let user = try? UnixUser.withID(uid) { events.publish("me", of: user.name, [:]) }
            leases.changed()
            Task { await services.relaunchSteward(of: uid) }
        }
        services.registry.observeSessions { session, isGone in
            if isGone {
                events.publish("sessionRemoved", of: session.user, ["id": .string(session.id)])
            } else {
                events.publish("session", of: session.user, session.document)
            }
        }
        let externalLinks = services.externalLinks
        let keyWarning = SharedGatewayKeyWarning(registry: services.registry, logger: services.member.logger)
        services.registry.observeServers { update in
            events.publish("server", of: nil, update.shown)
            externalLinks.look()
            keyWarning.look(at: update)
        }
        services.registry.observeLogins { login, isGone in
            guard isGone else { return events.publish("login", of: login.user, login.shown(isCurrent: false)) }
            events.publish("loginRemoved", of: login.user, ["id": .string(login.id)])
            Task { await services.sessions.disconnectViewers(ofLogin: login.id, DisplayRoute.loggedOut) }
        }
        await update.counts {
            await UserCounts(logins: services.book.all, sessions: services.sessions.all)
        }
    }

    /// Serves until cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await services.sessions.run() }
            group.addTask { await services.registry.run(services.member.logger) }
            group.addTask { await leases.run() }
            group.addTask { await services.exchange.run() }
            group.addTask { await services.externalLinks.run() }
            await group.waitForAll()
        }
        services.stewards.close()
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
