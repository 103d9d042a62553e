// The Unix socket of the client commands: HTTP for this host's owner of the agent alone.
import Control
import Gateway
import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
package import Logging
import MemberConfiguration
import NIOCore
import ServiceLifecycle

/// Serves the client commands.
package final class ControlService: Service {
    /// Of the Unix socket.
    private let path: String
    private let routes: ControlRoutes
    private let logger: Logger
    private let listening = Latch()

    /// - Parameter path: Of the Unix socket, which `run` makes.
    package init(path: String, routes: ControlRoutes, logger: Logger) {
        self.path = path
        self.routes = routes
        self.logger = logger
    }

    /// Returns once commands are accepted.
    package func waitUntilListening() async { await listening.wait() }

    /// Serves until cancelled.
    ///
    /// - Throws: `AgentError.configuration` where the socket cannot be made.
    package func run() async throws {
        let application = Application(
            router: routes.router(),
            server: HTTPServerBuilder { ControlChannel(base: HTTP1Channel(responder: $0)) },
            configuration: ApplicationConfiguration(address: .unixDomainSocket(path: path)),
            onServerRunning: { [path, listening, logger] _ in
                if unsafe chmod(path, 0o600) != 0 { logger.error("\(path): mode 0600 cannot be set") }
                await listening.open()
            },
            logger: .quietHTTP)
        do {
            try await application.run()
        } catch let error as IOError {
            throw AgentError.configuration(["\(path): the agent's socket cannot be made: \(error)"])
        }
    }
}

/// Accepts connections of this agent's own user and of root only, whatever the socket file's mode says.
struct ControlChannel: ServerChildChannel {
    let base: HTTP1Channel

    struct Value: ServerChildChannelValue {
        let base: HTTP1Channel.Value
        let isAllowed: Bool
        var channel: any Channel { base.channel }
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        base.setup(channel: channel, logger: logger).flatMap { value in
            SocketPeer.user(of: channel).map { user in
                Value(base: value, isAllowed: user == geteuid() || user == 0)
            }
        }
    }

    func handle(value: Value, logger: Logger) async {
        if value.isAllowed {
            await base.handle(value: value.base, logger: logger)
        } else {
            logger.error("refused a command of another user")
            value.channel.close(promise: nil)
        }
    }
}
