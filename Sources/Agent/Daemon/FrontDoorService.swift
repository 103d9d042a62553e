// The listener as a service: one port for members and browsers.
import Gateway
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import OperatingSystem
import ServiceLifecycle
import Transport

/// Serves the front door where `www.json` says.
final class FrontDoorService: Service {
    private let door: Door

    init(services: UserServices) {
        let member = services.member
        door = Door(at: member.configuration.web.listen) { address, begun in
            try await Self.serve(address, services) { bound in
                await member.setListening(bound)
                member.logger.notice("listening on https://\(bound)")
                await begun(bound)
            }
        }
    }

    /// Returns once connections are accepted.
    func waitUntilListening() async { await door.waitUntilBegun() }

    /// Serves at another address; where that cannot be listened on, it throws and the old one stays.
    func move(to address: HostAndPort) async throws { try await door.move(to: address) }

    func run() async throws {
        do {
            // By then the links have said goodbye.
            try await cancelWhenGracefulShutdown { try await self.door.run() }
        } catch is CancellationError {
            return
        }
    }

    private static func serve(
        _ listen: HostAndPort, _ services: UserServices, _ begun: @escaping @Sendable (HostAndPort) async -> Void
    ) async throws {
        let member = services.member
        let routes: [any UpgradeRoute] = [
            GossipRoute(authenticator: member.authenticator, node: member.node, logger: member.logger),
            DisplayRoute(services: services), RelayUpgrade(services: services),
        ]
        let application = Application(
            router: APIRouter.forPort(services, hasTLS: true),
            server: HTTPServerBuilder { responder in
                let door = FrontDoor(
                    serverID: member.serverID, certificate: member.certificate, routes: routes,
                    limits: { FrontDoorLimits(member.configuration.web.limits) }, responder: responder)
                services.relayDoor.open(door)
                return door
            },
            configuration: ApplicationConfiguration(address: .hostname(listen.host, port: listen.port)),
            onServerRunning: {
                await begun(HostAndPort(host: listen.host, port: $0.localAddress?.port ?? listen.port))
            },
            logger: quietLogger)
        do {
            try await application.run()
        } catch let error as IOError {
            // No mistake of the file: the port may be free, and the address there, a moment later.
            throw AgentError.refused(
                "config/www.json: listen: \"\(listen)\" cannot be listened on: \(error.reason); "
                    + "is another program using the port?")
        }
    }

    /// The HTTP library is not heard: it reports as errors what happens at every stop, and what matters is thrown.
    static var quietLogger: Logger {
        Logger(label: "http") {
            var handler = StreamLogHandler.standardError(label: $0)
            handler.logLevel = .critical
            return handler
        }
    }
}

extension FrontDoorLimits {
    init(_ limits: WebLimits) {
        self.init()
        firstRequest = .seconds(limits.headerSeconds)
        idle = .seconds(limits.idleSeconds)
        headerByteCountMax = limits.headerKiB << 10
        connectionsPerAddress = limits.connectionsPerAddress
    }
}

extension IOError {
    /// What the system says of it.
    var reason: String { unsafe String(cString: strerror(errnoCode)) }
}
