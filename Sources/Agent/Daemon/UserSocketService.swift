// The Unix socket for this host's users: the same interface as on the network, and the kernel says who asks.
import API
import Control
import Gateway
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// Serves users of this host.
struct UserSocketService: Service {
    let path: String
    let api: APIRouter
    let logger: Logger

    func run() async throws {
        let application = Application(
            router: api.router(at: .userSocket), server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: ApplicationConfiguration(address: .unixDomainSocket(path: path)),
            onServerRunning: { _ in
                // Everybody may connect: who it is decides.
                if unsafe chmod(path, 0o666) != 0 { logger.error("\(path): mode 0666 cannot be set") }
            },
            logger: .quietHTTP)
        do {
            try await cancelWhenGracefulShutdown { try await application.run() }
        } catch is CancellationError {
            return
        } catch let error as IOError {
            throw AgentError.configuration(["\(path): the socket for this host's users cannot be made: \(error)"])
        }
    }
}
