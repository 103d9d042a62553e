// Reads and writes the part "logins" of settings.json.
import JSON
import OperatingSystem
import Sessions

extension LoginConfiguration {
    init(from reader: inout ObjectReader) {
        self.init()
        ways = Self.ways(&reader) ?? ways
        sshPort = reader.integer(
            "sshPort", in: LoginConfigurationLimits.port, unit: "a TCP port", default: sshPort)
        sshKnownHosts =
            reader.string("sshKnownHosts", allowed: "a file's absolute path, or \"\"") { path in
                path.isEmpty || path.hasPrefix("/") && FilePath.accepted(path) != nil ? path : nil
            } ?? sshKnownHosts
        lifetimeHours = reader.integer(
            "lifetimeHours", in: LoginConfigurationLimits.hours, unit: "hours", default: lifetimeHours)
        idleHours = reader.integer(
            "idleHours", in: LoginConfigurationLimits.hours, unit: "hours", default: idleHours)
        managers = reader.object("managers").map { RoleMembers(from: $0) } ?? managers
        admins = reader.object("admins").map { RoleMembers(from: $0) } ?? admins
        reader.finish()
    }

    private static func ways(_ reader: inout ObjectReader) -> [LoginWay]? {
        let known = LoginWay.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        let found = reader.strings(
            "ways", countMax: LoginWay.allCases.count, of: "ways", allowed: known, accept: LoginWay.init(rawValue:))
        guard !found.isEmpty else { return nil }
        if !found.contains(where: \.authenticates) {
            reader.log.report(
                .contradiction("\"sudo\" authenticates nobody; name \"ssh\" or \"self\" as well"),
                at: reader.place.key("ways"))
        }
        return found
    }

    func toJSON() -> JSONValue {
        [
            "ways": .array(ways.map { .string($0.rawValue) }), "sshPort": .integer(Int64(sshPort)),
            "sshKnownHosts": .string(sshKnownHosts), "lifetimeHours": .integer(Int64(lifetimeHours)),
            "idleHours": .integer(Int64(idleHours)), "managers": managers.toJSON(), "admins": admins.toJSON(),
        ]
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
