// The options of one connection to an access point, under the names of Node's HTTPS agent.
package import Transport

/// How the link to one access point is made.
package struct ConnectionOptions: Sendable, Equatable {
    /// Certificate authorities to trust in place of the system's. Empty: none of its own.
    package var ca: [PEMSource] = []

    /// This member's client certificate, for a proxy that asks for one. Always together with `key`.
    package var cert: PEMSource?

    /// The private key of `cert`.
    package var key: PEMSource?

    /// Opens `key`.
    package var passphrase: SecretText?

    /// The name the certificate must bear, if it is not the URL's host.
    package var servername: String?

    /// Whether the certificate must be signed by an authority.
    ///
    /// Absent: the link decides, which is bound to the certificate.
    package var rejectUnauthorized: Bool?

    /// How long connecting and the handshake may take together.
    package var timeout: Duration = .seconds(10)

    /// TCP probes on a quiet connection.
    package var keepAlive = true

    /// A proxy in between ends TLS, so the link cannot be bound to the certificate.
    package var unbound = false

    /// The HTTP proxy through which the connection is made, for all that goes to the access point.
    package var proxy = ProxyChoice.environment

    /// The defaults.
    package init() {}

    /// The limits of `timeout`.
    static let timeoutMilliseconds = 100...600_000

    /// Files in `ca`.
    static let authorityCountMax = 32
}

/// Text in PEM format, written in place or kept in a file.
package enum PEMSource: Sendable, Hashable {
    /// The PEM text itself. It may be a private key, so it is never printed.
    case text(SecretText)

    /// An absolute path, or one relative to the configuration directory.
    case file(String)

    /// The text as it stands in the configuration file.
    var configured: String {
        switch self {
        case .text(let text): text.revealed
        case .file(let path): path
        }
    }
}
