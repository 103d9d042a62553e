// www.json: the listen address, and the files of certificate and private key.
import JSON
import OperatingSystem

/// The one HTTPS port of this member.
struct WebConfiguration: Sendable, Equatable {
    /// All IPv4 addresses of the host, at the port that other members expect.
    var listen = HostAndPort(host: "0.0.0.0", port: HostAndPort.defaultPort)

    /// The certificate chain in PEM: an absolute path, or one relative to the configuration directory.
    var certificate = "certificate.pem"

    /// The private key in PEM: an absolute path, or one relative to the configuration directory.
    var key = "key.pem"

    /// A further address, of the loopback interface, that serves users without TLS: for a proxy on this host that ends
    /// TLS. None by default.
    var plainListen: HostAndPort?

    var limits = WebLimits()
}

/// How much one client can ask of the listener.
struct WebLimits: Sendable, Equatable {
    /// Seconds from the connection to the end of the first request's header.
    var headerSeconds = 10

    /// Longest header of a request, in KiB.
    var headerKiB = 16

    /// Seconds after which a connection is closed on which nothing is asked and nothing answered.
    var idleSeconds = 60

    /// Connections open at once from one address. A proxy is one address.
    var connectionsPerAddress = 1_000

    /// Event streams and displays that one user may have open at once.
    var streamsPerUser = 100
}

extension WebLimits {
    init(from reader: inout ObjectReader) {
        self.init()
        headerSeconds = reader.integer("headerSeconds", in: 1...120, unit: "seconds", default: headerSeconds)
        headerKiB = reader.integer("headerKiB", in: 4...64, unit: "KiB", default: headerKiB)
        idleSeconds = reader.integer("idleSeconds", in: 5...3_600, unit: "seconds", default: idleSeconds)
        connectionsPerAddress = reader.integer(
            "connectionsPerAddress", in: 1...100_000, unit: "connections", default: connectionsPerAddress)
        streamsPerUser = reader.integer("streamsPerUser", in: 1...10_000, unit: "streams", default: streamsPerUser)
        reader.finish()
    }

    func toJSON() -> JSONValue {
        [
            "headerSeconds": .integer(Int64(headerSeconds)), "headerKiB": .integer(Int64(headerKiB)),
            "idleSeconds": .integer(Int64(idleSeconds)),
            "connectionsPerAddress": .integer(Int64(connectionsPerAddress)),
            "streamsPerUser": .integer(Int64(streamsPerUser)),
        ]
    }
}

extension WebConfiguration: ConfigurationFile {
    static let fileName = "www.json"
    static let isRequired = true

    init(from reader: inout ObjectReader) {
        self.init()
        let addresses = "\"host:port\", such as \"0.0.0.0:3300\" or \"[::]:3300\"; port 0 to 65535, 0 for any free one"
        listen =
            reader.string("listen", allowed: addresses) { HostAndPort(listenAddress: $0) } ?? listen
        let path = "a file's path, absolute or relative to the configuration directory"
        certificate = reader.string("certificate", allowed: path, accept: FilePath.accepted) ?? certificate
        key = reader.string("key", allowed: path, accept: FilePath.accepted) ?? key
        plainListen = reader.string("plainListen", allowed: "\"127.0.0.1:port\" or \"[::1]:port\"") { text in
            HostAndPort(listenAddress: text).flatMap { ["127.0.0.1", "::1"].contains($0.host) ? $0 : nil }
        }
        if var part = reader.object("limits") { limits = WebLimits(from: &part) }
        reader.finish()
    }

    func toJSON() -> JSONValue {
        var members: [String: JSONValue] = [
            "listen": .string(listen.description), "certificate": .string(certificate), "key": .string(key),
            "limits": limits.toJSON(),
        ]
        if let plainListen { members["plainListen"] = .string(plainListen.description) }
        return .object(members)
    }
}

/// The rule for paths in configuration files.
enum FilePath {
    /// Linux takes no longer path (`PATH_MAX`, with its zero byte).
    static let byteCountMax = 4095

    /// The path, unless it cannot name a file.
    static func accepted(_ path: String) -> String? {
        let isPath = !path.isEmpty && path.utf8.count <= byteCountMax && !path.utf8.contains(0) && path.last != "/"
        return isPath ? path : nil
    }
}
