// Server ids of simulated members, from their names.
package import Replica

extension ServerID: ExpressibleByStringLiteral {
    package init(stringLiteral name: String) { self = .named(name) }

    /// The id of a simulated member. A name that cannot be one is a mistake of the scenario.
    package static func named(_ name: String) -> ServerID {
        guard let id = ServerID(name) else { preconditionFailure("\(name) is no server id: \(ServerID.grammar)") }
        return id
    }
}
