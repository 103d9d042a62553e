// How much scripts may use, and what a script is.

/// What workers are started with, and what their calls may use.
package struct ScriptLimits: Sendable, Equatable {
    /// The path of Node.
    package var node: String
    /// For one function.
    package var time: Duration
    /// For all that one worker's scripts hold, in MiB.
    package var memoryMiB: Int
    /// The absolute paths of the programs that metrics may start; any where there is none.
    package var programs: [String]

    package init(node: String, time: Duration, memoryMiB: Int, programs: [String] = []) {
        self.node = node
        self.time = time
        self.memoryMiB = memoryMiB
        self.programs = programs
    }
}

/// A script's name and text.
package struct ScriptSource: Sendable, Equatable {
    package let name: String
    /// As the administrator wrote it, in UTF-8.
    package let text: [UInt8]

    package init(name: String, text: [UInt8]) {
        self.name = name
        self.text = text
    }
}
