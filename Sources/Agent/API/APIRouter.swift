// All routes of the one port and of this host's own socket.
import Gateway
import HTTPTypes
import Hummingbird
import Logging

enum APIRouter {
    /// The router of the one port: pages, interface, and what links answer when they are not upgraded.
    static func forPort(_ services: UserServices, hasTLS: Bool) -> Router<APIContext> {
        let router = make(services, scheme: hasTLS ? "https" : "http")
        router.addGossipRefusals(services.member.authenticator)
        RelayRoutes(services: services).add(to: router)
        Pages(services: services).add(to: router)
        return router
    }

    /// The router of the Unix socket for this host's users: the same interface, without pages.
    static func forSocket(_ services: UserServices) -> Router<APIContext> {
        make(services, scheme: "http", isForHostUsers: true)
    }

    private static func make(
        _ services: UserServices, scheme: String, isForHostUsers: Bool = false
    ) -> Router<APIContext> {
        let router = Router(context: APIContext.self)
        if isForHostUsers { router.add(middleware: PeerUserMiddleware()) }
        // Outermost, so that errors have its fields as well.
        router.add(middleware: StrictBrowser(services: services))
        let logs = services.member.logs
        router.add(
            middleware: AccessLog(
                serverID: services.serverID, logger: logs.access, linkLogger: logs[.clusterExternalConnections]))
        router.add(middleware: WholeRequest(serverID: services.serverID, scheme: scheme))
        let certificate = services.member.certificate
        router.add(
            middleware: CarriageMiddleware(
                serverID: services.serverID, authenticator: services.member.authenticator,
                certificateHash: { certificate.hash }))
        router.add(middleware: RoutingMiddleware(services: services))
        router.add(middleware: IdentityMiddleware(authentication: services.authentication))
        let group = router.group("/api/v1")
        LoginRoutes(services: services).add(to: group)
        SessionRoutes(services: services).add(to: group)
        ServerRoutes(services: services).add(to: group)
        EventRoutes(services: services).add(to: group)
        return router
    }
}
