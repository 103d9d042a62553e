// The listener as a service: one port for members, and later for browsers.
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
    private let services: UserServices
    private let member: RunningMember
    private let listening = Latch()

    init(services: UserServices) {
        self.services = services
        member = services.member
    }

    /// Returns once connections are accepted.
    func waitUntilListening() async { await listening.wait() }

    /// Serves, and moves to another address when the configuration changes. Where that cannot be listened on, the old
    /// one is taken again.
    func run() async throws {
        var served: HostAndPort?
        var next = await member.configuration.web.listen
        while true {
            do {
                guard try await serveUntilMoved(next) else { return }
                served = next
                next = await member.configuration.web.listen
            } catch let error as AgentError {
                guard let old = served, old != next else { throw error }
                member.logger.error("the old address \(old) stays: \(error)")
                served = nil
                next = old
            }
        }
    }

    /// Returns true when the configuration asks for another address, false when the daemon stops.
    private func serveUntilMoved(_ listen: HostAndPort) async throws -> Bool {
        let configured = await member.configuration.web.listen
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await self.serve(listen)
                return false
            }
            group.addTask {
                await self.member.waitUntilListen(differsFrom: configured)
                return true
            }
            let hasMoved = try await group.next() ?? false
            group.cancelAll()
            return hasMoved
        }
    }

    private func serve(_ listen: HostAndPort) async throws {
        let serverID = member.serverID
        let routes: [any UpgradeRoute] = [
            GossipRoute(authenticator: member.authenticator, node: member.node, logger: member.logger),
            DisplayRoute(services: services), RelayUpgrade(services: services),
        ]
        let certificate = member.certificate
        let limits = FrontDoorLimits(await member.configuration.web.limits)
        let application = Application(
            router: APIRouter.forPort(services, hasTLS: true),
            server: HTTPServerBuilder { [services] responder in
                let door = FrontDoor(
                    serverID: serverID, certificate: certificate, routes: routes, limits: limits, responder: responder)
                services.relayDoor.open(door)
                return door
            },
            configuration: ApplicationConfiguration(address: .hostname(listen.host, port: listen.port)),
            onServerRunning: { [member, listening] channel in
                let port = channel.localAddress?.port ?? listen.port
                await member.setListening(HostAndPort(host: listen.host, port: port))
                member.logger.notice("listening on https://\(HostAndPort(host: listen.host, port: port))")
                await listening.open()
            },
            logger: Self.quietLogger)
        do {
            // By then the links have said goodbye.
            try await cancelWhenGracefulShutdown { try await application.run() }
        } catch is CancellationError {
            return
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
    fileprivate var reason: String { unsafe String(cString: strerror(errnoCode)) }
}
