// What came of a run.

/// The result of one run; printed as a single line of JSON.
package struct RunReport: Sendable, Codable {
    package var seed: UInt64
    package var scenario: Scenario
    package var members: Int
    package var topology: TopologyKind
    /// What was asked for; how often each kind really happened is in `faults`.
    package var durationSeconds: Int
    package var plannedFaults: [FaultKind]
    package var traceHash: String
    package var converged: Bool
    /// From the end of the faults until all maps were equal, in simulated seconds.
    package var convergedAfterSeconds: Double?
    /// From the beginning to the end, in simulated seconds.
    package var simulatedSeconds: Double
    package var violations: [String]
    package var writes: Int
    package var messages: Int
    package var bytes: Int
    package var maxima: Maxima
    /// How often each kind of fault really happened.
    package var faults: [String: Int]
    package var realSeconds: Double

    /// The most that any member came to.
    package struct Maxima: Sendable, Codable {
        package var links = 0
        package var queuedKeys = 0
        package var leftOutKeys = 0
        package var entries = 0
        package var bytesSent = 0
        /// Bytes of entries under way over one connection.
        package var outstandingBytes = 0
    }

    package var isSound: Bool { converged && violations.isEmpty }
}
