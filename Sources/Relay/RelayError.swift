// What goes wrong between an external member and the others.
package import Replica

/// Why the relay refuses something.
package enum RelayError: Error, Sendable, Equatable, CustomStringConvertible {
    /// An event, offset or count that breaks the protocol.
    case malformed(String)
    /// The member holds no link at the moment.
    case notLinked(ServerID)
    /// The external member is stopping.
    case draining
    /// Whoever has but a gateway key shows himself as a member that has shown a full one.
    case lesserKey(ServerID)
    /// More connections are asked of the member than may be at once.
    case busy(ServerID)
    /// The member did not dial back in time.
    case noAnswer(ServerID)
    /// No connection was asked for by this nonce: guessed, used before, or too late.
    case unknownNonce
    /// The nonce was given to another member.
    case foreignNonce
    /// There is no such stream, or it is another member's.
    case unknownStream
    /// There is no such link, or it is another member's.
    case unknownLink

    /// A word for programs.
    package var reason: String {
        switch self {
        case .malformed: "malformed"
        case .notLinked: "not-linked"
        case .draining: "draining"
        case .lesserKey: "lesser-key"
        case .busy: "busy"
        case .noAnswer: "no-answer"
        case .unknownNonce: "unknown-nonce"
        case .foreignNonce: "foreign-nonce"
        case .unknownStream: "unknown-stream"
        case .unknownLink: "unknown-link"
        }
    }

    /// For people, in one line.
    package var description: String {
        switch self {
        case .malformed(let detail): detail
        case .notLinked(let member): "\(member) holds no link to this external member at the moment"
        case .draining: "this external member is stopping"
        case .lesserKey(let member):
            "\(member) is linked with a full cluster key, and a gateway key does not take its place"
        case .busy(let member): "too many connections are asked of \(member) at once"
        case .noAnswer(let member): "\(member) did not connect in time"
        case .unknownNonce:
            "no connection is expected under this nonce: it was used, is too old, or was never given out"
        case .foreignNonce: "the nonce was given to another member"
        case .unknownStream: "there is no such stream of this member"
        case .unknownLink: "there is no such link of this member; open a new one"
        }
    }
}
