// A configured access point: where to dial, and how to treat its TLS.
package import NIOSSL
import OperatingSystem
package import Transport

/// Where and how to dial a member.
package struct AccessPoint: Sendable, Hashable {
    /// A host name, or an IP address without brackets.
    package var host: String
    /// 1 to 65535.
    package var port: Int
    /// What differs from other access points.
    package var options: LinkOptions

    /// Its name in configuration, logs and status.
    package var url: String { "https://\(HostAndPort(host: host, port: port))" }

    package init(host: String, port: Int, options: LinkOptions = LinkOptions()) {
        self.host = host
        self.port = port
        self.options = options
    }
}

/// How the connection to an access point is made.
package struct LinkOptions: Sendable, Hashable {
    /// Authorities to trust; nil for those of the system.
    package var authorities: [NIOSSLCertificate]?
    /// What this end shows where it is asked for a certificate, its own first; empty for none.
    package var clientCertificate: [NIOSSLCertificate] = []
    /// The private key of that certificate; nil without one.
    package var clientKey: NIOSSLPrivateKey?
    /// The name that the certificate must have, and that is sent in the TLS hello.
    package var serverName: String?
    /// Whether an authority must have signed the certificate.
    package var demandsAuthority = false
    /// For the connection and its handshake together.
    package var timeout: Duration = .seconds(10)
    /// Whether TCP probes a quiet connection.
    package var keepAlive = true
    /// A proxy in between ends TLS, so that the link cannot be bound to the certificate.
    package var isUnbound = false
    /// The outbound proxy; what the environment says, unless one is named.
    package var proxy = ProxyChoice.environment

    /// The defaults.
    package init() {}
}

extension AccessPoint {
    /// What is to be dialled.
    var dial: HostDial {
        // Without an authority the certificate is not believed but proven: both ends prove the cluster key over its
        // hash, and whoever put another certificate in between is found out.
        HostDial(
            HostAndPort(host: host, port: port),
            tls: TLSTerms(
                trust: options.demandsAuthority ? .signed(by: options.authorities) : .proven,
                serverName: options.serverName, clientCertificate: options.clientCertificate,
                clientKey: options.clientKey),
            timeout: options.timeout, silence: options.keepAlive ? .probed : .ignored, proxy: options.proxy)
    }
}
