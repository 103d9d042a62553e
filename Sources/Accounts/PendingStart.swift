// A start of a session that has to wait until its user has a steward.
import Gateway
import HTTPTypes
package import OperatingSystem
package import Sessions

/// What goes on once a user has a steward here.
package struct PendingStart: Sendable {
    /// What is to be started; it was looked at already.
    package let start: SessionStart
    /// The account that it is started for.
    package let user: UnixUser
    /// Who asks for it, and alone may answer what the host asks.
    package let asker: Identity
    /// What this host calls itself, for texts to users who may be at another one.
    package let hostname: String

    package init(_ start: SessionStart, for user: UnixUser, asker: Identity, hostname: String) {
        self.start = start
        self.user = user
        self.asker = asker
        self.hostname = hostname
    }
}

extension LoginService.Attempt {
    /// Whether somebody may answer it. An attempt to log in is for whoever knows its name, which is secret; a second login
    /// for the very login that began it.
    func isFor(_ someone: Identity?) -> Bool {
        guard let asker = pending?.asker else { return true }
        return someone.map { ($0.user, $0.loginID, $0.issuer) == (asker.user, asker.loginID, asker.issuer) } ?? false
    }
}
