// What the log and `status` say of the start of workers: which Node, as whom, which walls are missing, what failed.
import Glibc
import JSON
import Logging
import OperatingSystem
import Scripts
import Synchronization

/// Tells the log what is wrong with the start of workers: each sentence once, until a start is without it.
final class WorkerStartLog: Sendable {
    private let what: String
    private let logger: Logger
    private let told = Mutex<(walls: [String], problem: String?)>(([], nil))

    /// - Parameter what: What the workers run, as the log has it: `scripts`.
    init(_ what: String, _ logger: Logger) {
        self.what = what
        self.logger = logger
    }

    func take(_ outcome: WorkerStart) {
        let (walls, problem) = told.withLock { told in
            // A start that has failed early knows nothing of walls.
            let walls = outcome.missingWalls ?? told.walls
            defer { told = (walls, outcome.problem) }
            return (walls.filter { !told.walls.contains($0) }, outcome.problem == told.problem ? nil : outcome.problem)
        }
        for wall in walls { logger.warning("a wall around \(what) is missing: \(wall)") }
        if let problem { logger.warning("\(what) cannot run: \(problem)") }
    }
}

extension Optional<WorkerStart> {
    /// The fields of a document about workers; null is what no start has told yet.
    ///
    /// - Parameter node: The path of Node that is configured.
    func fields(node: String) -> [String: JSONValue] {
        [
            "nodePath": .string(node), "node": .text(self?.nodeVersion),
            "missingWalls": self?.missingWalls.map { .array($0.map { .string($0) }) } ?? .null,
            "problem": .text(self?.problem),
        ]
    }
}

extension ScriptGuardWay {
    /// As whom workers run that are started this way.
    ///
    /// - Parameter unit: The name of the unit that listens.
    func user(unit: String) -> String {
        switch self {
        case .unit: "the user of the unit \(unit)"
        case .child:
            "\((try? UnixUser.withID(geteuid()))?.map(\.name) ?? "user \(geteuid())"), the agent's own user"
        }
    }
}
