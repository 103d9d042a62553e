// The listener as a service: one port for members and browsers.
import Gateway
import Logging
import MemberConfiguration
import OperatingSystem
import ServiceLifecycle

/// Serves the front door where `www.json` says.
final class FrontDoorService: Service {
    private let door: Door

    init(_ listener: Listener, member: RunningMember) {
        door = Door(at: member.configuration.web.listen) { address, begun in
            try await listener.serve(address) { bound in
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
}
