// Reads and writes cluster.json.
import Directory
import JSON
import OperatingSystem

extension ClusterConfiguration: ConfigurationFile, ConfigurationPart {
    package static let fileName = "cluster.json"
    package static let part: any WritableKeyPath<Configuration, ClusterConfiguration> & Sendable = \.cluster
    package static let isRequired = true
    package static let holdsSecrets = true

    package static let keys: [ConfigurationKey<ClusterConfiguration>] = [
        .value(
            "keys", \.keys, type: "list of up to \(ClusterLimits.keyCountMax) keys",
            "The shared keys of the cluster. Without one, no link comes up; that is a warning.",
            read: { reader, name in readKeys(&reader, name) }, write: { .array($0.map { $0.toJSON() }) }),
        .value(
            "databaseConnections", \.databaseConnections,
            type: "list of up to \(ClusterLimits.connectionCountMax) connections",
            """
            The access points this member connects to. Only the first six are used; more are a warning, because beyond \
            six fault tolerance no longer improves and each further link costs both of its ends.
            """, read: { reader, name in readConnections(&reader, name) }, write: { .array($0.map { $0.toJSON() }) }),
        .boolean(
            "external", \.external,
            """
            *Server is external*: it opens no connection to other members, and every other one holds a link to it; see \
            *External gateways* in `operations.md`.
            """),
        .boolean(
            "serverReservations", \.serverReservations, "*Enable server reservations*: one user at a time."),
        .value(
            "unboundProxies", \.unboundProxies,
            type: "list of up to \(ClusterLimits.unboundProxyCountMax) IP addresses or CIDR ranges",
            """
            The proxies from which links are accepted that are not bound to the certificate (see `unbound`). In a range \
            such as `192.0.2.0/24` the bits after the prefix are 0.
            """,
            read: { reader, name in
                reader.strings(
                    name, countMax: ClusterLimits.unboundProxyCountMax, of: "addresses",
                    allowed: "an IP address, or a CIDR range such as 192.0.2.0/24 whose bits after the prefix are 0"
                ) { AddressRange($0)?.description }
            }, write: { .array($0.map { .string($0) }) }),
    ]

    private static func readKeys(_ reader: inout ObjectReader, _ name: String) -> [KeyEntry] {
        let elements = reader.elements(name, countMax: ClusterLimits.keyCountMax, of: "keys", isSecret: true)
        var seen: [String: JSONPlace] = [:]
        var keys: [KeyEntry] = []
        for (place, value) in elements {
            var keyReader = ObjectReader(value, at: place, log: reader.log, isSecret: true)
            guard case .object = value, let key = KeyEntry(from: &keyReader) else { continue }
            if let first = seen.updateValue(place, forKey: key.secret.revealed) {
                reader.log.report(.contradiction("is the same key as \(first); remove one"), at: place)
            }
            keys.append(key)
        }
        if elements.isEmpty, reader.log.errors.isEmpty {
            reader.log.warn(
                "there is no cluster key, so no other member can be linked; make one with `fastx-agent key new`",
                at: reader.place.key(name))
        }
        return keys
    }

    private static func readConnections(_ reader: inout ObjectReader, _ key: String) -> [DatabaseConnection] {
        let elements = reader.elements(
            key, countMax: ClusterLimits.connectionCountMax, of: "connections", isSecret: true)
        var seen: [MemberURL: JSONPlace] = [:]
        var connections: [DatabaseConnection] = []
        for (place, value) in elements {
            var connectionReader = ObjectReader(value, at: place, log: reader.log, isSecret: true)
            guard case .object = value, let connection = DatabaseConnection(from: &connectionReader) else { continue }
            if let first = seen.updateValue(place, forKey: connection.address) {
                reader.log.report(
                    .contradiction("\(connection.url) is the same access point as \(first); remove one"),
                    at: place.key("url"))
            }
            connections.append(connection)
        }
        let usedCountMax = ClusterLimits.usedConnectionCountMax
        if connections.count > usedCountMax {
            reader.log.warn(
                """
                \(connections.count) connections are configured and only the first \(usedCountMax) are used: beyond \
                \(usedCountMax), fault tolerance no longer improves, and each further link costs both of its ends; \
                remove \(connections.count - usedCountMax)
                """, at: reader.place.key(key))
        }
        return connections
    }
}

extension DatabaseConnection {
    /// Nil without a usable URL; that is reported.
    init?(from reader: inout ObjectReader) {
        let urlPlace = reader.place.key("url")
        var address: MemberURL?
        if let value = reader.value("url") {
            address = MemberURL.read(value, at: urlPlace, log: reader.log)
        } else {
            reader.log.report(.missing(allowed: MemberURL.allowed), at: urlPlace)
        }
        var options = ConnectionOptions()
        if let value = reader.value("options") {
            let place = reader.place.key("options")
            var optionsReader = ObjectReader(value, at: place, log: reader.log, isSecret: true)
            options = ConnectionOptions(from: &optionsReader)
        }
        reader.finish()
        guard let address else { return nil }
        self.init(address: address, options: options)
    }

    func toJSON() -> JSONValue {
        ["url": .string(url), "options": options.toJSON()]
    }
}
