// Where users, members and commands come in.
import API
import Accounts
import Cluster
import ControlSocket
import Gateway
import Global
import Logging
import MemberConfiguration

extension UserParts {
    /// The one port.
    func frontDoor() -> ListenerService {
        let listener = Listener(
            key: "listen", serverID: this.serverID, api: api, door: .port, certificate: member.certificate,
            configurations: this.configurations, opened: relayDoor.open)
        return ListenerService(listener, at: this.configuration.web.listen) { [member] bound in
            await member.setListening(bound)
            member.logger.notice("listening on https://\(bound)")
        }
    }

    /// The port without TLS, for a proxy on this host.
    func plainDoor() -> ListenerService {
        let listener = Listener(
            key: "plainListen", serverID: this.serverID, api: api, door: .plainPort, certificate: nil,
            configurations: this.configurations)
        return ListenerService(listener, at: this.configuration.web.plainListen) { [member] bound in
            member.logger.notice("listening on http://\(bound)")
        }
    }

    /// What the commands can ask for.
    func controlRoutes(_ journal: Journal, _ global: GlobalParts, _ metrics: MetricParts) -> ControlRoutes {
        let relay = RelayDocument(exchange: exchange, externalLinks: externalLinks)
        let (member, pages, logins, this, scripts) = (member, pages, logins, this, scripts)
        let reach = ReachDocument(
            serverID: member.serverID, registry: registry, relay: relay, reachability: member.reachability, probe: probe
        ) { member.configuration.cluster.external }
        return ControlRoutes(
            status: StatusDocument(
                serverID: member.serverID, started: member.started, store: member.store, node: member.node,
                authenticator: member.authenticator, certificate: member.certificate,
                configurations: member.configurations, registry: registry, relay: relay, reach: reach,
                global: global.index, journal: journal, pagesProblem: { pages.problem },
                scripts: { await scripts.status(global.index.current) }, metrics: { await metrics.status() },
                listening: { await member.listening }),
            members: MemberList(serverID: member.serverID, registry: registry, relay: relay, reach: reach),
            entries: EntryRoutes(
                serverID: member.serverID, store: member.store, node: member.node,
                durableWrites: global.durableWrites, global: global.writer, journal: journal, logger: member.logger),
            configuration: ConfigurationRoute(serverID: member.serverID, configurations: member.configurations),
            global: GlobalRoutes(
                serverID: member.serverID, store: member.store, index: global.index, writer: global.writer,
                history: global.document, journal: journal),
            placements: placementControl, reach: reach
        ) {
            let code = try await logins.makeCode(this.configuration.settings.logins)
            return (code, await this.urls())
        }
    }
}
