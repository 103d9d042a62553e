// Puts the parts together that choose servers.
import API
import Accounts
import Cluster
import ControlSocket
import Directory
import Displays
import Gateway
import JSON
import MemberConfiguration
import Scripts

extension UserParts {
    /// - Parameter configuration: The cluster's, as it is now.
    static func placer(
        _ member: RunningMember, _ registry: Registry, _ exchange: RelayExchange, _ this: ThisMember,
        _ sessions: SessionBook, _ scripts: ScriptParts, configuration: @escaping @Sendable () -> GlobalConfiguration
    ) -> Placer {
        Placer(
            serverID: member.serverID, registry: registry, reachability: member.reachability,
            linked: { exchange.linkedMembers }, configuration: configuration, predefined: scripts.predefined,
            pool: scripts.pool
        ) { user in
            await sessions.all.filter { $0.user == user }.map {
                $0.lease(of: this.serverID, hostname: this.hostname).document
            }
        }
    }

    /// What commands are told of placements.
    var placementControl: PlacementControl {
        let (registry, sessions, this) = (registry, sessions, this)
        return PlacementControl(serverID: this.serverID, placer: placer, registry: registry) { id in
            let own = await sessions[id]?.lease(of: this.serverID, hostname: this.hostname)
            guard let session = own ?? registry.session(id) else { return nil }
            return session.document.text("placement").map { .kept($0) } ?? PlacementControl.SessionPlacement.notPlaced
        } describe: { user in
            try PlacedUser(named: user, this.configuration.settings.logins)
        }
    }
}
