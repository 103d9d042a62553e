// Who asks, as the authentication has found it out.
import Glibc
import Replica

/// Who asks.
struct Identity: Sendable {
    let user: String
    /// On this host; nil where the user has no account here.
    let uid: uid_t?
    let groups: [String]
    let role: Role
    /// The login that the request belongs to; nil on this host's own socket, where the kernel says who asks.
    let loginID: String?
    /// The member that the login is at; nil with the login.
    let issuer: ServerID?
    /// The login's CSRF token.
    var csrfToken: String?

    /// Whether this user may see and end what belongs to another.
    func mayManage(_ owner: String) -> Bool { owner == user || role >= .manager }
}
