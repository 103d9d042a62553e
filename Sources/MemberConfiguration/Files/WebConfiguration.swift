// www.json: the listen address, and the files of certificate and private key.
import JSON
package import OperatingSystem

/// The one HTTPS port of this member.
package struct WebConfiguration: Sendable, Equatable {
    /// All IPv4 addresses of the host, at the port that other members expect.
    package var listen = HostAndPort(host: "0.0.0.0", port: HostAndPort.defaultPort)

    /// The certificate chain in PEM: an absolute path, or one relative to the configuration directory.
    package var certificate = "certificate.pem"

    /// The private key in PEM: an absolute path, or one relative to the configuration directory.
    package var key = "key.pem"

    /// A further address, of the loopback interface, that serves users without TLS: for a proxy on this host that ends
    /// TLS. None by default.
    package var plainListen: HostAndPort?

    /// What keeps one client from taking everything.
    package var limits = WebLimits()

    /// The defaults.
    package init() {}
}

/// How much one client can ask of the listener.
package struct WebLimits: Sendable, Equatable {
    /// Seconds from the connection to the end of the first request's header.
    package var headerSeconds = 10

    /// Longest header of a request, in KiB.
    package var headerKiB = 16

    /// Seconds after which a connection is closed on which nothing is asked and nothing answered.
    package var idleSeconds = 60

    /// Connections open at once from one address. A proxy is one address.
    package var connectionsPerAddress = 1_000

    /// Event streams and displays that one user may have open at once.
    package var streamsPerUser = 100

    /// The defaults.
    package init() {}
}

extension WebLimits: ConfigurationPart {
    package static let keys: [ConfigurationKey<WebLimits>] = [
        .integer(
            "headerSeconds", \.headerSeconds, in: 1...120, unit: "seconds",
            "Time from the connection to the end of the first request's header."),
        .integer("headerKiB", \.headerKiB, in: 4...64, unit: "KiB", "Longest header of a request."),
        .integer(
            "idleSeconds", \.idleSeconds, in: 5...3_600, unit: "seconds",
            "A connection on which nothing is asked and nothing answered for this time is closed."),
        .integer(
            "connectionsPerAddress", \.connectionsPerAddress, in: 1...100_000, unit: "connections",
            "Connections open at once from one address. A proxy is one address."),
        .integer(
            "streamsPerUser", \.streamsPerUser, in: 1...10_000, unit: "streams",
            "Event streams and displays of one user open at once."),
    ]
}

extension WebConfiguration: ConfigurationFile, ConfigurationPart {
    package static let fileName = "www.json"
    package static let part: any WritableKeyPath<Configuration, WebConfiguration> & Sendable = \.web
    package static let isRequired = true

    package static let keys: [ConfigurationKey<WebConfiguration>] = [
        .value(
            "listen", \.listen, type: "string `host:port`",
            """
            The address of the one HTTPS port. An IPv6 address stands in brackets: `"[::]:3300"`. The port is 0 to \
            65535; 0 is any free one, for tests.
            """,
            read: { reader, name in
                let addresses =
                    "\"host:port\", such as \"0.0.0.0:3300\" or \"[::]:3300\"; port 0 to 65535, 0 for any free one"
                return reader.string(name, allowed: addresses) { HostAndPort(listenAddress: $0) }
            }, write: { .string($0.description) }),
        .text(
            "certificate", \.certificate, type: "path", allowed: FilePath.allowed, "The certificate chain in PEM.",
            accept: FilePath.accepted),
        .text(
            "key", \.key, type: "path", allowed: FilePath.allowed, "Its private key in PEM.",
            accept: FilePath.accepted),
        .optional(
            "plainListen", \.plainListen, type: "string `127.0.0.1:port` or `[::1]:port`",
            """
            A further address, of the loopback interface, that serves users without TLS: for a proxy on this host that \
            ends TLS. No member links over it.
            """,
            read: { reader, name in
                reader.string(name, allowed: "\"127.0.0.1:port\" or \"[::1]:port\"") { text in
                    HostAndPort(listenAddress: text).flatMap { ["127.0.0.1", "::1"].contains($0.host) ? $0 : nil }
                }
            }, write: { .string($0.description) }),
        .part("limits", \.limits),
    ]
}

/// The rule for paths in configuration files.
enum FilePath {
    /// What messages give as allowed.
    static let allowed = "a file's path, absolute or relative to the configuration directory"

    /// Linux takes no longer path (`PATH_MAX`, with its zero byte).
    static let byteCountMax = 4095

    /// The path, unless it cannot name a file.
    @Sendable
    static func accepted(_ path: String) -> String? {
        let isPath = !path.isEmpty && path.utf8.count <= byteCountMax && !path.utf8.contains(0) && path.last != "/"
        return isPath ? path : nil
    }
}
