// The part "logins" of settings.json: how users log in, for how long, and what they may do.

/// How a user proves who he is, or comes to a steward of his own.
enum LoginWay: String, Sendable, CaseIterable {
    /// With the password of his account, which this host's sshd judges; the steward starts over the same connection.
    case ssh
    /// Starts the steward of a user who is logged in already; it never authenticates anyone.
    case sudo
    /// The agent itself is the user: for one person's machine. A code printed on the terminal logs in.
    case own = "self"

    /// Whether it proves who somebody is.
    var authenticates: Bool { self != .sudo }
}

/// Users and Unix groups that have a role.
struct RoleMembers: Sendable, Equatable {
    var users: [String] = []
    var groups: [String] = []
}

/// How users log in.
struct LoginConfiguration: Sendable, Equatable {
    /// The ways in use, in the order in which they are tried.
    var ways: [LoginWay] = [.ssh]

    /// The port of this host's sshd.
    var sshPort = 22

    /// The file with the host keys of this host's sshd, in the form of OpenSSH's `known_hosts`.
    ///
    /// Empty: made at each start from the public host keys in `/etc/ssh`.
    var sshKnownHosts = ""

    /// Hours after which a login ends, and after which it ends when it is not used.
    var lifetimeHours = 168
    var idleHours = 72

    /// Who manages all users' logins and sessions; root of the agent's host is not among them by itself.
    var managers = RoleMembers()

    /// Who, besides, changes the cluster's configuration.
    var admins = RoleMembers()
}

/// The limits of `logins`.
enum LoginConfigurationLimits {
    static let hours = 1...8_760
    static let port = 1...65_535
    static let roleNameCountMax = 100
}
