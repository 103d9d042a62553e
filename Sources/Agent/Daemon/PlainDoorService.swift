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
    private let door: Door

    init(services: UserServices) {
        door = Door(at: services.member.configuration.web.plainListen) { address, begun in
            try await Self.serve(address, services) { bound in
                services.member.logger.notice("listening on http://\(bound)")
                await begun(bound)
            }
        }
    }

    /// Serves at another address, or nowhere; where that cannot be listened on, it throws and all is as before.
    func move(to address: HostAndPort?) async throws { try await door.move(to: address) }

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await self.door.run() }
        } catch is CancellationError {
            return
        }
    }

    private static func serve(
        _ listen: HostAndPort, _ services: UserServices, _ begun: @escaping @Sendable (HostAndPort) async -> Void
    ) async throws {
        let member = services.member
        let application = Application(
            router: APIRouter.forPort(services, hasTLS: false),
            server: HTTPServerBuilder {
                FrontDoor(
                    serverID: services.serverID, certificate: nil, routes: [DisplayRoute(services: services)],
                    limits: { FrontDoorLimits(member.configuration.web.limits) }, responder: $0)
            },
            configuration: ApplicationConfiguration(address: .hostname(listen.host, port: listen.port)),
            onServerRunning: {
                await begun(HostAndPort(host: listen.host, port: $0.localAddress?.port ?? listen.port))
            },
            logger: FrontDoorService.quietLogger)
        do {
            try await application.run()
        } catch let error as IOError {
            throw AgentError.refused(
                "config/www.json: plainListen: \"\(listen)\" cannot be listened on: \(error.reason); "
                    + "is another program using the port?")
        }
    }
}
