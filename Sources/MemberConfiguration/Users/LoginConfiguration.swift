// The part "logins" of settings.json: how users log in, for how long, and what they may do.

/// How a user proves who he is, or comes to a steward of his own.
package enum LoginWay: String, Sendable, CaseIterable {
    /// With the password of his account, which this host's sshd judges; the steward starts over the same connection.
    case ssh
    /// Starts the steward of a user who is logged in already; it never authenticates anyone.
    case sudo
    /// The agent itself is the user: for one person's machine. A code printed on the terminal logs in.
    case own = "self"

    /// Whether it proves who somebody is.
    package var authenticates: Bool { self != .sudo }
}

/// Users and Unix groups that have a role.
package struct RoleMembers: Sendable, Equatable {
    /// Names of accounts.
    package var users: [String] = []
    /// Names of Unix groups.
    package var groups: [String] = []

    /// Nobody unless given.
    package init(users: [String] = [], groups: [String] = []) {
        self.users = users
        self.groups = groups
    }
}

/// How users log in.
package struct LoginConfiguration: Sendable, Equatable {
    /// The ways in use, in the order in which they are tried.
    package var ways: [LoginWay] = [.ssh]

    /// The port of this host's sshd.
    package var sshPort = 22

    /// The file with the host keys of this host's sshd, in the form of OpenSSH's `known_hosts`.
    ///
    /// Empty: made at each start from the public host keys in `/etc/ssh`.
    package var sshKnownHosts = ""

    /// Hours after which a login ends.
    package var lifetimeHours = 168

    /// Hours after which a login ends when it is not used.
    package var idleHours = 72

    /// Who manages all users' logins and sessions; root of the agent's host is not among them by itself.
    package var managers = RoleMembers()

    /// Who, besides, changes the cluster's configuration.
    package var admins = RoleMembers()

    /// The defaults.
    package init() {}
}

/// The limits of `logins`.
enum LoginConfigurationLimits {
    static let hours = 1...8_760
    static let port = 1...65_535
    static let roleNameCountMax = 100
}
