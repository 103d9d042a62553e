// Where this host's users find the agent.

/// The socket for every user of this host.
package enum UserSocket {
    /// Where the unit of `packaging/` has it.
    package static let defaultPath = "/run/fastx/user.sock"
    /// Names another default, for shells and scripts.
    package static let environmentVariable = "FASTX_USER_SOCKET"
}
