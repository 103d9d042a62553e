// One step of the way to a member, as one member tells it to another and to the commands.
import Directory
package import JSON

/// What came of one step.
package struct ReachStep: Sendable {
    /// What was tried, in the order in which it is.
    package enum Kind: String, Sendable {
        /// The name of the member's host was looked up.
        case name
        /// A connection was opened there, and closed.
        case connection
        /// A connection with TLS was opened; the certificate has to be the one that the member announces.
        case certificate
        /// The member was asked who it is.
        case answer
        /// The link by which an external member is reached.
        case relay
    }

    /// What was tried.
    package var kind: Kind
    /// For people: what was found, or why it failed.
    package let detail: String
    /// Whether the next step could be tried.
    package let isGood: Bool
    /// How long it took.
    package let milliseconds: Double

    package init(_ kind: Kind, _ result: Result<String, any Error>, _ time: Duration) {
        self.kind = kind
        milliseconds = (time / .microseconds(100)).rounded() / 10
        switch result {
        case .success(let found): (detail, isGood) = (found, true)
        case .failure(let error): (detail, isGood) = ("\(error)", false)
        }
    }

    /// Reads what another member tells; nil where it is something else, or a step of a later version.
    package init?(_ json: JSONValue) {
        guard let kind = json.text("step").flatMap(Kind.init), let detail = json.text("detail") else { return nil }
        self.kind = kind
        self.detail = ServerUpdate.shortened(detail)
        isGood = json["ok"] == true
        milliseconds =
            switch json["milliseconds"] {
            case .number(let time)?: time
            case .integer(let time)?: Double(time)
            default: 0
            }
    }

    /// For commands and other members.
    package var json: JSONValue {
        [
            "step": .string(kind.rawValue), "ok": .bool(isGood), "detail": .string(detail),
            "milliseconds": .number(milliseconds),
        ]
    }
}
