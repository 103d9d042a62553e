// Server ids as tests write them.
package import Replica

extension ServerID: ExpressibleByStringLiteral {
    /// A text that is none is a mistake of the test.
    package init(stringLiteral text: String) {
        guard let id = ServerID(text) else { preconditionFailure("\(text) is no server id: \(ServerID.grammar)") }
        self = id
    }
}
