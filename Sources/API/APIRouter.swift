// All layers and routes of the one port and of this host's own socket.
package import Accounts
package import Cluster
import Directory
package import Displays
package import Gateway
package import Global
package import Hummingbird
package import Logging
import MemberConfiguration

/// The HTTP interface of one member.
package struct APIRouter: Sendable {
    /// Where requests come in.
    package enum Door: Sendable {
        /// The one port: users, browsers and members.
        case port
        /// The port without TLS, for a proxy on this host: users and browsers. Without a certificate a link would have
        /// nothing to be bound to.
        case plainPort
        /// The Unix socket of this host's users, where the kernel says who asks: no pages.
        case userSocket
    }

    /// The logs that requests are written to.
    package struct Loggers: Sendable {
        /// What an administrator has to know.
        let agent: Logger
        /// One line for each request that does not belong in `links`.
        let access: Logger
        /// Requests by which members keep their links, which are many and say little.
        let links: Logger

        package init(agent: Logger, access: Logger, links: Logger) {
            self.agent = agent
            self.access = access
            self.links = links
        }
    }

    let member: ThisMember
    let logins: LoginService
    let authentication: Authentication
    let sessions: SessionBook
    let events: UserEvents
    let others: OtherMembers
    let authenticator: MemberAuthenticator
    let certificate: ServerCertificate
    let history: HistoryDocument
    let pages: Pages
    let memberRoutes: [any RouteGroup]
    let loggers: Loggers
    private let tickets = DisplayTickets()
    private let streams: UserStreams

    /// - Parameter memberRoutes: What other members ask for; it is served at the one port alone.
    package init(
        _ member: ThisMember, logins: LoginService, authentication: Authentication, sessions: SessionBook,
        events: UserEvents, others: OtherMembers, authenticator: MemberAuthenticator, certificate: ServerCertificate,
        history: HistoryDocument, pages: Pages, memberRoutes: [any RouteGroup], loggers: Loggers
    ) {
        self.member = member
        self.logins = logins
        self.authentication = authentication
        self.sessions = sessions
        self.events = events
        self.others = others
        self.authenticator = authenticator
        self.certificate = certificate
        self.history = history
        self.pages = pages
        self.memberRoutes = memberRoutes
        self.loggers = loggers
        streams = UserStreams(serverID: member.serverID) { member.configuration.web.limits.streamsPerUser }
    }

    private var userRoutes: [any RouteGroup] {
        let steps = LoginSteps(member: member, sessions: sessions)
        return [
            LoginRoutes(member: member, logins: logins, authentication: authentication, others: others, steps: steps),
            SessionRoutes(member: member, sessions: sessions, logins: logins, others: others, steps: steps),
            TicketRoutes(member: member, sessions: sessions, tickets: tickets),
            DisplayRoutes(sessions: sessions, streams: streams, authentication: authentication),
            ServerRoutes(member: member, registry: others.registry),
            PlacementRoutes(member: member, others: others, installed: pages.installed),
            AuditRoutes(member: member, authentication: authentication, history: history),
            EventRoutes(events: events, streams: streams, authentication: authentication),
        ]
    }

    /// What is served at a door.
    package func groups(at door: Door) -> [any RouteGroup] {
        switch door {
        case .port: userRoutes + [pages] + memberRoutes
        case .plainPort: userRoutes + [pages]
        case .userSocket: userRoutes
        }
    }

    /// The layers, the outermost first, and within them the routes of a door.
    package func router(at door: Door) -> Router<APIContext> {
        let router = Router(context: APIContext.self)
        router.add(
            middleware: OutermostLayer(
                serverID: member.serverID, browsers: StrictBrowser(member: member, registry: others.registry),
                log: AccessLog(logger: loggers.access, linkLogger: loggers.links), logger: loggers.access))
        if door == .userSocket { router.add(middleware: PeerUserMiddleware()) }
        router.add(middleware: WholeRequest(serverID: member.serverID, scheme: door == .port ? "https" : "http"))
        router.add(
            middleware: CarriageMiddleware(
                serverID: member.serverID, authenticator: authenticator, logger: loggers.agent,
                certificateHash: { [certificate] in certificate.hash }))
        router.add(
            middleware: RoutingMiddleware(
                member: member, sessions: sessions, logins: logins, authentication: authentication, others: others))
        router.add(middleware: IdentityMiddleware(authentication: authentication, tickets: tickets))
        for group in groups(at: door) { router.add(group) }
        return router
    }
}
