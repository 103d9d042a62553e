// Opens TLS connections to other members, bound to the certificate that each announces.
import NIOCore
package import NIOSSL
import OperatingSystem
import Relay
package import Replica
package import Transport

/// Where another member is reached, by its own word in the map.
package struct MemberTarget: Sendable, Hashable {
    /// How connections to it come about.
    package enum Way: Sendable, Hashable {
        /// They are opened to its address. It has to show the certificate of the target.
        case address(host: String, port: Int)
        /// They are opened to its address, where a proxy ends TLS.
        case proxy(host: String, port: Int, ProxyTrust)
        /// It is asked to open them to this member, which is external.
        case relay
    }

    /// The member that is meant.
    package let serverID: ServerID
    /// The one way that is tried.
    package let way: Way
    /// SHA-256 of the certificate that it serves, 32 bytes: what tokens for it are bound to. Nil behind a proxy.
    package let certificateSHA256: [UInt8]?
    /// Named by this host's own configuration: any address is right.
    package let isConfigured: Bool
    /// The outbound proxy that connections go through; without effect where the member opens them.
    package let proxy: ProxyChoice

    package init(
        serverID: ServerID, way: Way, certificateSHA256: [UInt8]?, isConfigured: Bool = false,
        proxy: ProxyChoice = .environment
    ) {
        self.serverID = serverID
        self.way = way
        self.certificateSHA256 = certificateSHA256
        self.isConfigured = isConfigured
        self.proxy = proxy
    }

    /// Host and port as they stand in the field `Host`.
    package var authority: String {
        switch way {
        case .address(let host, let port), .proxy(let host, let port, _):
            HostAndPort(host: host, port: port).description
        case .relay: serverID.text
        }
    }
}

/// By what the certificate of a proxy is believed.
package struct ProxyTrust: Sendable, Hashable {
    /// Authorities to trust; nil for those of the system.
    package var authorities: [NIOSSLCertificate]?
    /// The name that the certificate must have; nil for the host's.
    package var serverName: String?

    package init(authorities: [NIOSSLCertificate]?, serverName: String?) {
        self.authorities = authorities
        self.serverName = serverName
    }
}

/// Opens connections.
struct MemberDialler: Sendable {
    let hosts: HostDialler
    /// Where members are asked for connections; nil on a member that is not external.
    let relay: RelayExchange?
    /// Whether an IP address may be connected to that another member announces.
    let mayReach: @Sendable (String) -> Bool

    /// For the connection and its TLS handshake together, at all addresses of a host.
    private static let connectTimeMax: Duration = .seconds(5)

    init(hosts: HostDialler, relay: RelayExchange?, mayReach: @escaping @Sendable (String) -> Bool) {
        self.hosts = hosts
        self.relay = relay
        self.mayReach = mayReach
    }

    /// What is dialled for a member; nil where the member opens the connections.
    func dial(_ target: MemberTarget) -> HostDial? {
        switch target.way {
        case .relay: nil
        case .address(let host, let port):
            // One that names no certificate shows another one, whichever it shows.
            dial(target, host, port, TLSTerms(trust: .pinned(target.certificateSHA256 ?? [])))
        case .proxy(let host, let port, let trust):
            dial(target, host, port, TLSTerms(trust: .signed(by: trust.authorities), serverName: trust.serverName))
        }
    }

    private func dial(_ target: MemberTarget, _ host: String, _ port: Int, _ tls: TLSTerms) -> HostDial {
        HostDial(
            HostAndPort(host: host, port: port), tls: tls, timeout: Self.connectTimeMax, silence: .limited,
            mayReach: target.isConfigured ? nil : mayReach, proxy: target.proxy)
    }

    /// A connection; `initialize` adds what is to be spoken on it. One that is opened to an address is on the event loop
    /// asked for; one that the member opened is on any.
    func connect<Output: Sendable>(
        _ target: MemberTarget, on loop: (any EventLoop)? = nil,
        _ initialize: @escaping @Sendable (any Channel) throws -> Output
    ) async throws -> Output {
        if let dial = dial(target) { return try await hosts.connect(dial, on: loop, initialize: initialize) }
        guard let relay else { throw RelayError.notLinked(target.serverID) }
        let channel = try await relay.connect(to: target.serverID)
        do {
            return try await channel.eventLoop.submit { try initialize(channel) }.get()
        } catch {
            channel.close(promise: nil)
            throw error
        }
    }
}
