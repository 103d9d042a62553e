// What a script's process is for, and with it which walls it gets.

/// The two kinds of processes that run administrators' scripts.
package enum ScriptKind: String, Sendable, CaseIterable {
    /// Decides where sessions and logins go. It computes, and reaches nothing outside of itself.
    case placement
    /// Measures the host. It may start programs, read files and use the network.
    case metrics
}

/// A process to start.
package struct ScriptPlan: Sendable, Hashable {
    /// Which walls it gets.
    package var kind: ScriptKind
    /// The absolute path of Node.
    package var node: String
    /// How much memory scripts may use, beyond what Node needs for itself.
    package var memoryMiB: Int
    /// The absolute paths of the programs that metrics may start; any where there is none.
    package var programs: [String]

    /// What `memoryMiB` may be. With less, Node has no room for the list of a large cluster's servers.
    package static let memoryRangeMiB = 32...16_384

    /// Nothing is looked at: what is wrong shows when the process is started.
    package init(kind: ScriptKind, node: String, memoryMiB: Int, programs: [String] = []) {
        self.kind = kind
        self.node = node
        self.memoryMiB = memoryMiB
        self.programs = programs
    }
}
