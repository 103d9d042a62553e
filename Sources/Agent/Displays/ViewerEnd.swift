// Why the display of a viewer is closed, as his page is told.
import Gateway

extension WebSocketEnd {
    /// He is to log in again.
    static let loggedOut = WebSocketEnd(code: 4401, reason: "the login has ended")
    /// He is not to come back by himself.
    static let displaced = WebSocketEnd(code: 4409, reason: "another viewer took the session over")
    /// There is nothing to come back to.
    static let ended = WebSocketEnd(code: 4410, reason: "the session has ended")
}
