// The parts of a member that run scripts.
import Glibc
import Global
import JSON
import Logging
import MemberConfiguration
import OperatingSystem
import Placement
import Scripts

/// The scripts that are shipped with the program, and the workers.
struct ScriptParts: Sendable {
    let predefined: PredefinedScripts
    let pool: ScriptPool
    private let member: RunningMember
    private let program: String

    /// Reads the scripts; none where the program's files are not installed, which is logged.
    init(_ member: RunningMember) throws {
        let program = try HostFile.linkTarget(of: "/proc/self/exe")
        let log = WorkerStartLog("scripts", member.logger)
        (self.member, self.program) = (member, program)
        predefined = try Self.predefined(program, member.logger)
        pool = ScriptPool {
            let scripts = member.configuration.settings.scripts
            return ScriptLimits(node: scripts.node, time: scripts.timeLimit, memoryMiB: scripts.memoryLimitMiB)
        } start: { (limits) throws(ScriptStartError) in
            try await ScriptProcess.start(
                ScriptPlan(kind: .placement, node: limits.node, memoryMiB: limits.memoryMiB),
                through: Self.way(program))
        } hasStarted: {
            log.take($0)
        }
    }

    /// The unit for scripts where the service manager has one, and a process of the agent's own user elsewhere.
    private static func way(_ program: String) -> ScriptGuardWay {
        unsafe access(unitSocket, W_OK) == 0 ? .unit(socket: unitSocket) : .child(program: program)
    }

    /// Where `fastx-scripts.socket` listens.
    private static let unitSocket = "/run/fastx-scripts.sock"

    private static func predefined(_ program: String, _ logger: Logger) throws -> PredefinedScripts {
        let files = InstalledFiles(program: program)
        guard let directory = files.directory(with: "ScriptWorker/worker.js") else {
            logger.warning(
                """
                scripts cannot run: what runs them is not installed in \(files.candidates.joined(separator: ", ")); \
                "make install" puts it there with the program, see README.md
                """)
            return PredefinedScripts()
        }
        return try PredefinedScripts(directory: "\(directory)/ScriptWorker/predefined")
    }

    /// What is wrong with the text of a script or a metric; nil where it is a function.
    func check(_ name: GlobalName, _ text: String) async throws -> ConfigurationErrors? {
        let source = ScriptSource(name: name.description, text: Array(text.utf8))
        do throws(NoWorker) {
            let call = try await pool.withWorker { await $0.check(source) }
            guard case .next = call.outcome else { return .script(name, call.outcome) }
            return nil
        } catch {
            throw GlobalRefusal.notWritable(reason: "no-scripts", sentence: "the text cannot be checked here: \(error)")
        }
    }

    /// Starts a worker ahead of the first placement wherever scripts choose.
    func warmUp(_ configuration: GlobalConfiguration) async {
        if !Self.chains(configuration).isEmpty { await pool.warmUp() }
    }

    /// For what there is a chain.
    private static func chains(_ configuration: GlobalConfiguration) -> [String] {
        let placement = configuration.placement
        return (placement.login.isEmpty ? [] : ["login"]) + (placement.start.isEmpty ? [] : ["start"])
    }

    /// What `status` says of the workers.
    func status(_ configuration: GlobalConfiguration) async -> JSONValue {
        let status = await pool.status
        var document: [String: JSONValue] = [
            "chains": .array(Self.chains(configuration).map { .string($0) }),
            "count": .integer(Int64(configuration.scripts.count)),
            "workers": .array(status.workerPIDs.map { .integer(Int64($0)) }),
            "starting": .integer(Int64(status.startingCount)), "waiting": .integer(Int64(status.waitingCount)),
            "runsAs": .string(Self.way(program).user(unit: "fastx-scripts.socket")),
        ]
        document.merge(status.lastStart.fields(node: member.configuration.settings.scripts.node)) { $1 }
        return .object(document)
    }
}

extension ConfigurationErrors {
    /// What came of checking a text that is no function.
    fileprivate static func script(_ name: GlobalName, _ outcome: ScriptOutcome) -> ConfigurationErrors {
        switch outcome {
        case .threw(let error): .script(name, line: error.line, column: error.column, error.message)
        case .unanswered(.tooSlow(let limit)):
            .script(name, line: nil, column: nil, "making the function took longer than \(limit) ms")
        default: .script(name, line: nil, column: nil, "the text cannot be used: checking it ended its process")
        }
    }
}
