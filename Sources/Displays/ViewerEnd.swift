// Why the display of a viewer is closed, as his page is told.
package import Gateway

extension WebSocketEnd {
    /// He is to log in again.
    package static let loggedOut = WebSocketEnd(code: 4401, reason: "the login has ended")
    /// He is not to come back by himself.
    package static let displaced = WebSocketEnd(code: 4409, reason: "another viewer took the session over")
    /// There is nothing to come back to.
    package static let ended = WebSocketEnd(code: 4410, reason: "the session has ended")
}
