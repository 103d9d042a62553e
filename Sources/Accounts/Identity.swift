// Who asks, as the authentication has found it out.
package import Glibc
package import Replica

/// Who asks.
package struct Identity: Sendable {
    /// The account's name, by which a user is the same at every member.
    package let user: String
    /// On this host; nil where the user has no account here.
    package let uid: uid_t?
    /// Names of his groups on this host, for a login here as they were when it began; empty without an account.
    package let groups: [String]
    /// What this member's settings give him; `user` where he has no account here.
    package let role: Role
    /// The login that the request belongs to; nil on this host's own socket, where the kernel says who asks.
    package let loginID: String?
    /// The member that the login is at; nil with the login.
    package let issuer: ServerID?
    /// The login's CSRF token.
    package var csrfToken: String?

    package init(
        user: String, uid: uid_t?, groups: [String], role: Role, loginID: String?, issuer: ServerID?, csrfToken: String?
    ) {
        self.user = user
        self.uid = uid
        self.groups = groups
        self.role = role
        self.loginID = loginID
        self.issuer = issuer
        self.csrfToken = csrfToken
    }

    /// Whether this user may see and end what belongs to another.
    package func mayManage(_ owner: String) -> Bool { owner == user || role >= .manager }
}
