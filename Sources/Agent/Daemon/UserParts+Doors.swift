// Where users, members and commands come in.
import API
import Accounts
import Cluster
import ControlSocket
import Gateway
import MemberConfiguration

extension UserParts {
    /// The one port.
    var listener: Listener {
        Listener(
            key: "listen", serverID: this.serverID, api: api, door: .port, certificate: member.certificate,
            configurations: this.configurations, opened: relayDoor.open)
    }

    /// The port without TLS.
    var plainListener: Listener {
        Listener(
            key: "plainListen", serverID: this.serverID, api: api, door: .plainPort, certificate: nil,
            configurations: this.configurations)
    }

    /// What the commands can ask for.
    func controlRoutes(_ journal: Journal) -> ControlRoutes {
        let relay = RelayDocument(exchange: exchange, externalLinks: externalLinks)
        let (member, pages, logins, this) = (member, pages, logins, this)
        return ControlRoutes(
            status: StatusDocument(
                serverID: member.serverID, started: member.started, store: member.store, node: member.node,
                authenticator: member.authenticator, certificate: member.certificate,
                configurations: member.configurations, registry: registry, relay: relay,
                pagesProblem: { pages.problem }, listening: { await member.listening }),
            members: MemberList(serverID: member.serverID, registry: registry, relay: relay),
            entries: EntryRoutes(
                serverID: member.serverID, store: member.store, node: member.node,
                authenticator: member.authenticator, journal: journal, logger: member.logger),
            configuration: ConfigurationRoute(serverID: member.serverID, configurations: member.configurations)
        ) {
            let code = try await logins.makeCode(this.configuration.settings.logins)
            return (code, await this.urls())
        }
    }
}
