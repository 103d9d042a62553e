// cluster.json: the cluster's keys, the access points this member connects to, and its place in the cluster.
package import Directory
package import OperatingSystem
package import Trust

/// How this member takes part in the cluster.
package struct ClusterConfiguration: Sendable, Equatable {
    /// The cluster's shared keys. The first one proves this member; any one is accepted from others.
    package var keys: [KeyEntry] = []

    /// The access points this member connects to, as configured. `usedConnections` are those that count.
    package var databaseConnections: [DatabaseConnection] = []

    /// Server is external: other members cannot connect to this one directly.
    package var external = false

    /// Enable server reservations: one user at a time.
    package var serverReservations = false

    /// Addresses of proxies, each an IP address or a CIDR range, from which unbound links are accepted.
    package var unboundProxies: [String] = []

    /// The defaults: no key and no access point.
    package init() {}

    /// The connections that are opened: the first six.
    package var usedConnections: ArraySlice<DatabaseConnection> {
        databaseConnections.prefix(ClusterLimits.usedConnectionCountMax)
    }

    /// The ranges of `unboundProxies`.
    package var unboundProxyRanges: [AddressRange] { unboundProxies.compactMap { AddressRange($0) } }
}

/// One shared key of the cluster.
package struct KeyEntry: Sendable, Hashable {
    /// Only hexadecimal digits: hexadecimal. Anything else: base64.
    package var secret: SecretText

    /// What its holders may write.
    package var scope: KeyScope = .full

    /// For people; the cluster does not use it.
    package var name: String?

    /// A key whose secret was checked, see `isSecret`.
    package init(secret: SecretText, scope: KeyScope = .full, name: String? = nil) {
        self.secret = secret
        self.scope = scope
        self.name = name
    }
}

/// One access point this member connects to.
package struct DatabaseConnection: Sendable, Equatable {
    /// Where it is; two connections never have the same.
    package var address: MemberURL
    /// How the link to it is made.
    package var options = ConnectionOptions()

    /// One that is made as the options say, by default as everybody makes it.
    package init(address: MemberURL, options: ConnectionOptions = ConnectionOptions()) {
        self.address = address
        self.options = options
    }

    /// Always `https://host:port`.
    package var url: String { address.text }
}

/// The limits of `cluster.json`.
package enum ClusterLimits {
    /// A rotation needs two or three keys; each one more costs every handshake an attempt.
    package static let keyCountMax = 8

    /// The secret's length after decoding.
    static let secretByteCount = 32...1024

    static let keyNameCharacterCountMax = 64

    /// Beyond six, fault tolerance no longer improves.
    package static let usedConnectionCountMax = 6

    /// Configured ones, used or not.
    static let connectionCountMax = 64

    static let unboundProxyCountMax = 64
}
