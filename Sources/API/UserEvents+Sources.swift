// What of logins, sessions and servers is an event for browsers.
package import Accounts
package import Directory
package import Displays
import JSON
import OperatingSystem

extension UserEvents {
    /// Publishes what happens to the logins of this member.
    package func follow(_ logins: LoginBook, _ member: ThisMember, hasSteward: @escaping @Sendable (Login) -> Bool) {
        logins.events.observe { event in
            switch event {
            case .began(let login):
                self.began(login.lease(at: member.serverID, hasLink: hasSteward(login)))
            case .ended(let login): self.ended(loginID: login.id, of: login.user)
            }
        }
    }

    /// Publishes what happens to the sessions of this member, and to the stewards that have them.
    package func follow(_ sessions: SessionBook, _ member: ThisMember) {
        sessions.events.observe { event in
            switch event {
            case .changed(let session, _):
                let lease = session.lease(of: member.serverID, hostname: member.hostname)
                self.publish("session", of: session.user, lease.document)
            case .removed(let session): self.removed(sessionID: session.id, of: session.user)
            case .steward(let uid):
                if let user = try? UnixUser.withID(uid) { self.publish("me", of: user.name, [:]) }
            }
        }
    }

    /// Publishes what other members tell.
    package func follow(_ registry: Registry) {
        registry.events.observe { event in
            switch event {
            case .server(let update): self.publish("server", of: nil, update.shown)
            case .login(let login): self.began(login)
            case .loginGone(let login): self.ended(loginID: login.id, of: login.user)
            case .session(let session): self.publish("session", of: session.user, session.document)
            case .sessionGone(let session): self.removed(sessionID: session.id, of: session.user)
            }
        }
    }

    private func began(_ login: LoginLease) { publish("login", of: login.user, login.shown(isCurrent: false)) }

    private func ended(loginID: String, of user: String) {
        publish("loginRemoved", of: user, ["id": .string(loginID)])
    }

    private func removed(sessionID: String, of user: String) {
        publish("sessionRemoved", of: user, ["id": .string(sessionID)])
    }
}
