// Reads and writes the part "logins" of settings.json.
import JSON
import OperatingSystem

extension LoginConfiguration: ConfigurationPart {
    package static let keys: [ConfigurationKey<LoginConfiguration>] = [
        .value(
            "ways", \.ways, type: "list of `\"ssh\"`, `\"sudo\"`, `\"self\"`",
            """
            How users log in, see *Users* in `docs/operations.md`. `"sudo"` authenticates nobody, so it needs one of the \
            others beside it.
            """, read: { reader, name in readWays(&reader, name) }, write: { .array($0.map { .string($0.rawValue) }) }),
        .integer(
            "sshPort", \.sshPort, in: LoginConfigurationLimits.port, unit: "a TCP port", type: "TCP port",
            "The port of this host's sshd."),
        .text(
            "sshKnownHosts", \.sshKnownHosts, type: "absolute path", allowed: "a file's absolute path, or \"\"",
            "The host keys of this host's sshd, in OpenSSH's form. If empty, they are read from `/etc/ssh`."
        ) { path in path.isEmpty || path.hasPrefix("/") && FilePath.accepted(path) != nil ? path : nil },
        .integer(
            "lifetimeHours", \.lifetimeHours, in: LoginConfigurationLimits.hours, unit: "hours",
            "After this time a login ends."),
        .integer(
            "idleHours", \.idleHours, in: LoginConfigurationLimits.hours, unit: "hours",
            "After this time without use a login ends."),
        .value(
            "managers", \.managers,
            type: "`users`, `groups`: lists of up to \(LoginConfigurationLimits.roleNameCountMax) names",
            default: "none", "Who sees and ends every user's logins and sessions.",
            read: { reader, name in reader.object(name).map { RoleMembers(from: $0) } }, write: { $0.toJSON() }),
        .value(
            "admins", \.admins, type: "the same", default: "none",
            "Managers who may also change the cluster's configuration.",
            read: { reader, name in reader.object(name).map { RoleMembers(from: $0) } }, write: { $0.toJSON() }),
    ]

    private static func readWays(_ reader: inout ObjectReader, _ name: String) -> [LoginWay]? {
        let known = LoginWay.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        let found = reader.strings(
            name, countMax: LoginWay.allCases.count, of: "ways", allowed: known, accept: LoginWay.init(rawValue:))
        guard !found.isEmpty else { return nil }
        if !found.contains(where: \.authenticates) {
            reader.log.report(
                .contradiction("\"sudo\" authenticates nobody; name \"ssh\" or \"self\" as well"),
                at: reader.place.key(name))
        }
        return found
    }
}

extension RoleMembers {
    init(from reader: ObjectReader) {
        self.init()
        var reader = reader
        let allowed = "the name of a user or group"
        let countMax = LoginConfigurationLimits.roleNameCountMax
        users = reader.strings("users", countMax: countMax, of: "users", allowed: allowed, accept: Self.name)
        groups = reader.strings("groups", countMax: countMax, of: "groups", allowed: allowed, accept: Self.name)
        reader.finish()
    }

    private static func name(_ text: String) -> String? { UnixUser.isValidName(text) ? text : nil }

    func toJSON() -> JSONValue {
        ["users": .array(users.map { .string($0) }), "groups": .array(groups.map { .string($0) })]
    }
}
