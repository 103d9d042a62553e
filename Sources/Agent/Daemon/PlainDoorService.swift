// A listener without TLS on the loopback interface, where it is configured: for a proxy on this host.
import Gateway
import Logging
import MemberConfiguration
import OperatingSystem
import ServiceLifecycle

/// Serves users, not members: without a certificate a link would have nothing to be bound to.
final class PlainDoorService: Service {
    private let door: Door

    init(_ listener: Listener, logger: Logger) {
        door = Door(at: listener.configurations.current.web.plainListen) { address, begun in
            try await listener.serve(address) { bound in
                logger.notice("listening on http://\(bound)")
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
}
