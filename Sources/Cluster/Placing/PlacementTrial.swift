// Placements that nobody asked for: what the chain would do, with the live cluster or a recorded one.
import Directory
package import JSON
import Placement
import Replica

/// Who is known on this host under a name.
package struct PlacedUser: Sendable {
    /// Names of his groups; empty where the host knows nobody of the name.
    package let groups: [String]
    package let isManager: Bool
    package let isAdmin: Bool

    package init(groups: [String], isManager: Bool, isAdmin: Bool) {
        self.groups = groups
        self.isManager = isManager
        self.isAdmin = isAdmin
    }
}

/// What is to be tried.
package struct PlacementTrial: Sendable {
    private let purpose: Purpose
    private let user: String
    private let named: ServerID?
    private let data: JSONValue
    /// Server updates instead of those of the cluster; nil: the cluster as it is now.
    private let recorded: [Registry.Server]?

    /// Servers of one recorded cluster.
    static let serverCountMax = 20_000

    /// Reads `action`, `user`, and where they are there `data` and `servers`.
    package init?(_ reader: inout ObjectReader) {
        let purpose = reader.string(
            "action", allowed: Purpose.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or "),
            isRequired: true,
            accept: Purpose.init(rawValue:))
        let user = reader.string("user", allowed: "a user's name", isRequired: true) { text in
            (1...256).contains(text.utf8.count) ? text : nil
        }
        data = reader.value("data") ?? [:]
        if case .object = data {} else { reader.reject("data", data, allowed: "an object") }
        named = data.text("serverId").flatMap { ServerID($0) }
        if reader.has("servers") {
            recorded = reader.elements("servers", countMax: Self.serverCountMax, of: "servers").compactMap {
                place, value in
                guard let server = Registry.recorded(value) else {
                    reader.log.report(
                        .notAllowed(
                            found: ShownText.value(value), allowed: "a server update: an object with a \"serverId\""),
                        at: place)
                    return nil
                }
                return server
            }.sorted { $0.update.serverID < $1.update.serverID }
        } else {
            recorded = nil
        }
        guard let purpose, let user else { return nil }
        self.purpose = purpose
        self.user = user
    }

    /// What would be chosen, as the trace of a placement. It is not kept, and nothing is started.
    ///
    /// - Parameter known: Who that user is on this host. As at a login, scripts are not told of it before there is one.
    package func run(by placer: Placer, known: (_ user: String) throws -> PlacedUser) async rethrows -> JSONValue {
        var request = PlacementRequest(purpose, user: user, named: named, data: data)
        if purpose == .session {
            let user = try known(user)
            request.claims = ["sub": .string(self.user)]
            request.groups = user.groups
            request.isManager = user.isManager
            request.isAdmin = user.isAdmin
        }
        var placing = Placing(placer, request, among: recorded)
        return await placing.trial()
    }
}
