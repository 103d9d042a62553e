// A listener as a service, at the address that `www.json` says at any moment.
import Gateway
import OperatingSystem
import ServiceLifecycle

/// Serves one listener where it is configured, which may be nowhere.
final class ListenerService: Service {
    private let door: Door

    /// - Parameter began: Called with each address, once connections are accepted there.
    init(
        _ listener: Listener, at address: HostAndPort?, began: @escaping @Sendable (HostAndPort) async -> Void
    ) {
        door = Door(at: address) { address, begun in
            try await listener.serve(address) { bound in
                await began(bound)
                await begun(bound)
            }
        }
    }

    /// Returns once connections are accepted, if there is an address for them.
    func waitUntilListening() async { await door.waitUntilBegun() }

    /// Serves at another address, or nowhere; where that cannot be listened on, it throws and all is as before.
    func move(to address: HostAndPort?) async throws { try await door.move(to: address) }

    func run() async throws {
        do {
            // By then the links have said goodbye.
            try await cancelWhenGracefulShutdown { try await self.door.run() }
        } catch is CancellationError {
            return
        }
    }
}
