// What a member is chosen for.

/// What a member is chosen for. The raw value is what scripts are told as `action`.
package enum Purpose: String, Sendable, CaseIterable {
    /// A user wants to log in.
    case login = "user/login"
    /// A user who is logged in wants to start a session.
    case session = "session/start"
}
