// Serves the HTTP interface at an address, with TLS or without.
import API
import Control
import Gateway
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import MemberConfiguration
import NIOCore
import OperatingSystem
import Replica

/// One listener that `www.json` names.
struct Listener: Sendable {
    /// The key in `www.json`.
    let key: String
    let serverID: ServerID
    let api: APIRouter
    let door: APIRouter.Door
    /// Without one there is no TLS.
    let certificate: ServerCertificate?
    let configurations: ConfigurationStore
    /// Called with the front door of each address, before anything comes in there.
    var opened: @Sendable (FrontDoor) -> Void = { _ in }

    /// Serves until cancelled; calls the closure with the address, whose port is a real one, once it listens.
    func serve(_ listen: HostAndPort, _ begun: @escaping @Sendable (HostAndPort) async -> Void) async throws {
        let responder = api.router(at: door).buildResponder()
        let upgrades = RoutedUpgrades(serverID: serverID, responder: responder)
        let application = Application(
            responder: responder,
            server: HTTPServerBuilder { [self] responder in
                let door = FrontDoor(
                    certificate: certificate, upgrades: upgrades,
                    limits: { FrontDoorLimits(configurations.current.web.limits) }, responder: responder)
                opened(door)
                return door
            },
            configuration: ApplicationConfiguration(address: .hostname(listen.host, port: listen.port)),
            onServerRunning: {
                await begun(HostAndPort(host: listen.host, port: $0.localAddress?.port ?? listen.port))
            },
            logger: .quietHTTP)
        do {
            try await application.run()
        } catch let error as IOError {
            // No mistake of the file: the port may be free, and the address there, a moment later.
            throw AgentError.refused(
                "config/www.json: \(key): \"\(listen)\" cannot be listened on: \(error.reason); "
                    + "is another program using the port?")
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
