// The Unix socket for this host's users: the same interface as on the network, and the kernel says who asks.
import Gateway
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// Serves users of this host.
final class UserSocketService: Service {
    private let server: UserServer

    init(server: UserServer) { self.server = server }

    func run() async throws {
        let path = server.runtime.userSocket
        let services = server.services
        let application = Application(
            router: APIRouter.forSocket(services),
            server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: ApplicationConfiguration(address: .unixDomainSocket(path: path)),
            onServerRunning: { [logger = services.member.logger] _ in
                // Everybody may connect: who it is decides.
                if unsafe chmod(path, 0o666) != 0 { logger.error("\(path): mode 0666 cannot be set") }
            },
            logger: FrontDoorService.quietLogger)
        do {
            try await cancelWhenGracefulShutdown { try await application.run() }
        } catch is CancellationError {
            return
        } catch let error as IOError {
            throw AgentError.configuration(["\(path): the socket for this host's users cannot be made: \(error)"])
        }
    }
}
