// Reads and writes cluster.json.
import Directory
import JSON
import OperatingSystem

extension ClusterConfiguration: ConfigurationFile {
    static let fileName = "cluster.json"
    static let isRequired = true
    static let holdsSecrets = true

    init(from reader: inout ObjectReader) {
        self.init()
        keys = Self.readKeys(&reader)
        databaseConnections = Self.readConnections(&reader)
        external = reader.boolean("external", default: external)
        serverReservations = reader.boolean("serverReservations", default: serverReservations)
        unboundProxies = reader.strings(
            "unboundProxies", countMax: ClusterLimits.unboundProxyCountMax, of: "addresses",
            allowed: "an IP address, or a CIDR range such as 192.0.2.0/24 whose bits after the prefix are 0"
        ) { AddressRange($0)?.description }
        reader.finish()
    }

    func toJSON() -> JSONValue {
        [
            "keys": .array(keys.map { $0.toJSON() }),
            "databaseConnections": .array(databaseConnections.map { $0.toJSON() }),
            "external": .bool(external),
            "serverReservations": .bool(serverReservations),
            "unboundProxies": .array(unboundProxies.map { .string($0) }),
        ]
    }

    private static func readKeys(_ reader: inout ObjectReader) -> [KeyEntry] {
        let elements = reader.elements("keys", countMax: ClusterLimits.keyCountMax, of: "keys", isSecret: true)
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
                at: reader.place.key("keys"))
        }
        return keys
    }

    private static func readConnections(_ reader: inout ObjectReader) -> [DatabaseConnection] {
        let key = "databaseConnections"
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
