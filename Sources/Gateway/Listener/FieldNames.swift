// Names of HTTP fields that the library does not know.
package import HTTPTypes

extension HTTPField.Name {
    /// The tokens of the member that carries a request for a user.
    package static let carrier = known("fastx-member")
    /// In an answer: why the member that carried the request was refused. The user has nothing to do with it.
    package static let refusal = known("fastx-refusal")
    /// In a connection that a member opens because it was asked to: by which it is known.
    package static let nonce = known("fastx-nonce")
    /// In the answer to a start: the member that has the session.
    package static let sessionServer = known("fastx-server")
    /// Names the request in the log.
    package static let requestID = known("x-request-id")
    package static let csrfToken = known("x-csrf-token")
    package static let lastEventID = known("last-event-id")
    package static let forwarded = known("forwarded")
    package static let forwardedFor = known("x-forwarded-for")
    package static let forwardedHost = known("x-forwarded-host")
    package static let forwardedProto = known("x-forwarded-proto")
    package static let referrerPolicy = known("referrer-policy")
    package static let openerPolicy = known("cross-origin-opener-policy")
    /// Asks proxies of the nginx family not to hold events back.
    package static let accelBuffering = known("x-accel-buffering")

    /// A name that is written here, and so keeps the grammar.
    private static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no field's name") }
        return name
    }
}
