// A listener without TLS on the loopback interface, where it is configured: for a proxy on this host.
import Gateway
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import OperatingSystem
import ServiceLifecycle
import Transport

/// Serves users, not members: without a certificate a link would have nothing to be bound to.
final class PlainDoorService: Service {
    private let services: UserServices

    init(services: UserServices) { self.services = services }

    func run() async throws {
        guard let listen = await services.member.configuration.web.plainListen else {
            return try await gracefulShutdown()
        }
        let services = services
        let limits = FrontDoorLimits(await services.member.configuration.web.limits)
        let application = Application(
            router: APIRouter.forPort(services, hasTLS: false),
            server: HTTPServerBuilder {
                FrontDoor(
                    serverID: services.serverID, certificate: nil, routes: [DisplayRoute(services: services)],
                    limits: limits, responder: $0)
            },
            configuration: ApplicationConfiguration(address: .hostname(listen.host, port: listen.port)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? listen.port
                services.member.logger.notice("listening on http://\(HostAndPort(host: listen.host, port: port))")
            },
            logger: FrontDoorService.quietLogger)
        do {
            try await cancelWhenGracefulShutdown { try await application.run() }
        } catch is CancellationError {
            return
        } catch let error as IOError {
            throw AgentError.refused("config/www.json: plainListen: \"\(listen)\" cannot be listened on: \(error)")
        }
    }
}
