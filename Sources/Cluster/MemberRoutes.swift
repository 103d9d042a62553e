// How this member reaches another one.
package import Directory
package import Gateway
package import Gossip
import HTTPTypes
package import Logging
package import MemberConfiguration
import OperatingSystem
package import Replica
package import Transport

/// Decides by the map and the configuration where requests for another member go.
package struct MemberRoutes: Sendable {
    let serverID: ServerID
    let configurations: ConfigurationStore
    /// What the map says of members.
    package let registry: Registry
    /// Knows which member each access point has turned out to be.
    let node: GossipNode
    /// What the environment says of proxies.
    let proxies: ProxyRules
    let logger: Logger
    private let refusals = RepeatFilter(period: .seconds(3_600))

    package init(
        serverID: ServerID, configurations: ConfigurationStore, registry: Registry, node: GossipNode,
        proxies: ProxyRules, logger: Logger
    ) {
        self.serverID = serverID
        self.configurations = configurations
        self.registry = registry
        self.node = node
        self.proxies = proxies
        self.logger = logger
    }

    var configuration: Configuration { configurations.current }

    /// Whether an address that another member announces is connected to. Members at loopback addresses are, only where this
    /// member itself is at one.
    @Sendable
    private func mayReach(_ host: String) -> Bool {
        guard !AddressRange.isReserved(host) else { return false }
        return !AddressRange.isLoopback(host) || AddressRange.isLoopback(configuration.web.listen.host)
    }

    /// A client that goes where these routes lead.
    package func makeClient(relay: RelayExchange? = nil) -> MemberClient {
        MemberClient(relay: relay, proxies: proxies, mayReach: mayReach)
    }

    /// Where requests for a member go.
    ///
    /// An external member cannot open connections inwards, and has the others open them.
    func target(of serverID: ServerID) async throws(Problem) -> MemberTarget {
        let address = try address(of: serverID)
        if configuration.cluster.external, !registry.isExternal(serverID) {
            return MemberTarget(serverID: serverID, way: .relay, certificateSHA256: address.certificateSHA256)
        }
        return try direct(address)
    }

    /// Where an external member takes the links of this one: as an access point, if it is configured to be one.
    func target(ofExternal serverID: ServerID) async throws(Problem) -> MemberTarget {
        let address = try address(of: serverID)
        guard let point = await accessPoint(address) else { return try direct(address) }
        guard point.options.isUnbound else {
            return MemberTarget(
                serverID: serverID, way: .address(host: point.host, port: point.port),
                certificateSHA256: address.certificateSHA256, isConfigured: true, proxy: point.options.proxy)
        }
        let trust = ProxyTrust(authorities: point.options.authorities, serverName: point.options.serverName)
        return MemberTarget(
            serverID: serverID, way: .proxy(host: point.host, port: point.port, trust), certificateSHA256: nil,
            isConfigured: true, proxy: point.options.proxy)
    }

    private func accessPoint(_ address: ServerAddress) async -> AccessPoint? {
        let urls = await node.accessPointStatuses.filter { $0.serverID == address.serverID }.map(\.url)
        for connection in configuration.cluster.usedConnections {
            let endpoint = connection.address.endpoint
            let isAnnounced = endpoint.host == address.host && endpoint.port == address.port
            guard isAnnounced || urls.contains(connection.url) else { continue }
            // One whose files cannot be read was refused when the configuration was taken up.
            return try? AccessPoint(configured: connection, in: configurations.directory)
        }
        return nil
    }

    private func address(of serverID: ServerID) throws(Problem) -> ServerAddress {
        guard let address = registry.address(of: serverID) else {
            throw problem(
                Self.unknownServer,
                "\(registry.title(of: serverID)) has not told of itself for 90 s, or not where it is reached")
        }
        return address
    }

    private func direct(_ address: ServerAddress) throws(Problem) -> MemberTarget {
        guard mayReach(address.host) else {
            let name = registry.title(of: address.serverID)
            let warning = "\(name) announces the address \(address.host), to which nothing is sent"
            if refusals.isNews(warning) { logger.warning("\(warning)") }
            throw problem(
                Self.refusedAddress, "\(name) announces an address to which members do not send requests")
        }
        return MemberTarget(
            serverID: address.serverID, way: .address(host: address.host, port: address.port),
            certificateSHA256: address.certificateSHA256)
    }

    /// There is no way to the member because the map has none.
    static let unknownServer = "unknown-server"
    private static let refusedAddress = "refused-address"

    private func problem(_ reason: String, _ detail: String) -> Problem {
        Problem(.badGateway, reason: reason, detail: detail, serverID: serverID)
    }
}

extension AddressRange {
    private static let reserved = ["169.254.0.0/16", "fe80::/10", "0.0.0.0/8", "::/128", "fd00:ec2::254/128"]
        .compactMap { AddressRange($0) }

    /// Whether an address is of the link alone, of a metadata service, or of nobody.
    static func isReserved(_ address: String) -> Bool { reserved.contains { $0.contains(address) } }
}
