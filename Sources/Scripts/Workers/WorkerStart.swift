// What the start of a worker has told of this host: its Node, its walls, and what was wrong.

/// What came of starting a worker.
package struct WorkerStart: Sendable, Equatable {
    /// What Node calls itself; nil where no process was started.
    package private(set) var nodeVersion: String?
    /// Walls that could not be put up, a sentence each; nil where no process was started.
    package private(set) var missingWalls: [String]?
    /// Why it failed, and what to do where that is known; nil where it did not.
    package private(set) var problem: String?

    /// A process was started.
    package init(nodeVersion: String, missingWalls: [String]) {
        self.nodeVersion = nodeVersion
        self.missingWalls = missingWalls
    }

    /// No process was started.
    package init(problem: String) { self.problem = problem }

    /// The process that was started did not begin to answer.
    mutating func fail(_ problem: String) { self.problem = problem }
}
