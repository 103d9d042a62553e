// www.json: the listen address, and the files of certificate and private key.

/// The one HTTPS port of this member.
struct WebConfiguration: Sendable, Equatable {
    /// All IPv4 addresses of the host, at the port that other members expect.
    var listen = HostAndPort(host: "0.0.0.0", port: HostAndPort.defaultPort)

    /// The certificate chain in PEM: an absolute path, or one relative to the configuration directory.
    var certificate = "certificate.pem"

    /// The private key in PEM: an absolute path, or one relative to the configuration directory.
    var key = "key.pem"
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
        reader.finish()
    }

    func toJSON() -> JSONValue {
        ["listen": .string(listen.description), "certificate": .string(certificate), "key": .string(key)]
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
