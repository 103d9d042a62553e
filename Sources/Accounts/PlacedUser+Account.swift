// Who a user is on this host, as scripts are told of him.
package import Cluster
package import MemberConfiguration
package import OperatingSystem

extension PlacedUser {
    /// A user by his name; somebody without groups and rights where this host has no account of the name.
    ///
    /// - Throws: `SystemError` where the host's accounts cannot be looked up.
    package init(named name: String, _ configuration: LoginConfiguration) throws(SystemError) {
        guard let account = try UnixUser.named(name) else {
            self.init(groups: [], isManager: false, isAdmin: false)
            return
        }
        let role = Role(of: account.name, uid: account.uid, groups: account.groups, configuration)
        self.init(groups: account.groups, isManager: role >= .manager, isAdmin: role >= .admin)
    }
}
