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
    /// Under which id the member keeps that has placed a login or a start how it went.
    package static let placement = known("fastx-placement")
    /// Names the request in the log.
    package static let requestID = known("x-request-id")
    /// In a request that changes something: by what a page shows that it is a member's own.
    package static let csrfToken = known("x-csrf-token")
    /// In a request for an event stream: the last event that the client has.
    package static let lastEventID = known("last-event-id")
    /// The way from the client to the first member (RFC 7239).
    package static let forwarded = known("forwarded")
    /// The client's address, as it was told before RFC 7239.
    package static let forwardedFor = known("x-forwarded-for")
    /// The host that the client asked for, with the port where it named one.
    package static let forwardedHost = known("x-forwarded-host")
    /// `http` or `https`, by which the client asked.
    package static let forwardedProto = known("x-forwarded-proto")
    /// In an answer: how much a page's links tell of its address.
    package static let referrerPolicy = known("referrer-policy")
    /// In an answer: which pages of others have a hold on the window.
    package static let openerPolicy = known("cross-origin-opener-policy")
    /// Asks proxies of the nginx family not to hold events back.
    package static let accelBuffering = known("x-accel-buffering")

    /// A name that is written here, and so keeps the grammar.
    private static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no field's name") }
        return name
    }
}
