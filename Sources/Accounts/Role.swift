// What a user may do beyond his own objects.
package import Glibc
package import MemberConfiguration

/// A user's role; each may do what those before it may.
package enum Role: String, Sendable, Comparable, CaseIterable {
    /// Sees and ends what is his own.
    case user
    /// Sees and ends every user's logins and sessions.
    case manager
    /// Changes the cluster's configuration as well.
    case admin

    /// In the order of the cases.
    package static func < (left: Role, right: Role) -> Bool {
        (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
    }

    /// The role that the settings give to a user. Where the agent is the user, the machine is his.
    package init(of user: String, uid: uid_t, groups: [String], _ configuration: LoginConfiguration) {
        let isOwner = configuration.ways.contains(.own) && uid == geteuid()
        if isOwner || configuration.admins.contains(user, groups) {
            self = .admin
        } else if configuration.managers.contains(user, groups) {
            self = .manager
        } else {
            self = .user
        }
    }
}

extension RoleMembers {
    fileprivate func contains(_ user: String, _ memberOf: [String]) -> Bool {
        users.contains(user) || memberOf.contains { groups.contains($0) }
    }
}
