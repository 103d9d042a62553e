// cluster.json: the cluster's keys, the access points this member connects to, and its place in the cluster.
import Directory
import OperatingSystem
import Trust

/// How this member takes part in the cluster.
struct ClusterConfiguration: Sendable, Equatable {
    /// The cluster's shared keys. The first one proves this member; any one is accepted from others.
    var keys: [KeyEntry] = []

    /// The access points this member connects to, as configured. `usedConnections` are those that count.
    var databaseConnections: [DatabaseConnection] = []

    /// Server is external: other members cannot connect to this one directly.
    var external = false

    /// Enable server reservations: one user at a time.
    var serverReservations = false

    /// Addresses of proxies, each an IP address or a CIDR range, from which unbound links are accepted.
    var unboundProxies: [String] = []

    /// The connections that are opened: the first six.
    var usedConnections: ArraySlice<DatabaseConnection> {
        databaseConnections.prefix(ClusterLimits.usedConnectionCountMax)
    }

    /// The ranges of `unboundProxies`.
    var unboundProxyRanges: [AddressRange] { unboundProxies.compactMap { AddressRange($0) } }
}

/// One shared key of the cluster.
struct KeyEntry: Sendable, Hashable {
    /// Only hexadecimal digits: hexadecimal. Anything else: base64.
    var secret: SecretText

    var scope: KeyScope = .full

    /// For people; the cluster does not use it.
    var name: String?
}

/// One access point this member connects to.
struct DatabaseConnection: Sendable, Equatable {
    var address: MemberURL
    var options = ConnectionOptions()

    /// Always `https://host:port`.
    var url: String { address.text }
}

/// The limits of `cluster.json`.
enum ClusterLimits {
    /// A rotation needs two or three keys; each one more costs every handshake an attempt.
    static let keyCountMax = 8

    /// The secret's length after decoding.
    static let secretByteCount = 32...1024

    static let keyNameCharacterCountMax = 64

    /// Beyond six, fault tolerance no longer improves.
    static let usedConnectionCountMax = 6

    /// Configured ones, used or not.
    static let connectionCountMax = 64

    static let unboundProxyCountMax = 64
}
