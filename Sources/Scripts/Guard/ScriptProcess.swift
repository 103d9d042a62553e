// The agent's side of one script's process: starts it by way of a guard, ends it, and tells how it ended.
import Glibc
package import OperatingSystem
import Synchronization

/// Who puts up the walls and ends the process.
package enum ScriptGuardWay: Sendable, Hashable {
    /// A process of this program that is started for it, as the agent's own user. `arguments` are for the guard.
    case child(program: String, arguments: [String] = [])
    /// A unit of the service manager that listens at a path, as a user of its own.
    case unit(socket: String)
}

/// Why a script's process could not be started.
package enum ScriptStartError: Error, CustomStringConvertible {
    /// The guard says no; a whole sentence that says what to do.
    case refused(String)
    /// The guard ended, or was silent for `ScriptProcess.startTimeMax`, before it had said anything; with what it wrote.
    case noAnswer(String)
    /// The process was started and did not answer; how that was seen: "its process ended with status 1".
    case notReady(String)
    /// Something here, such as too many open files, or a unit's socket that is not there.
    case system(SystemError)

    /// In words for an administrator.
    package var description: String {
        switch self {
        case .refused(let sentence): sentence
        case .noAnswer(let text): "the guard of scripts did not answer\(text.isEmpty ? "" : ": \(text)")"
        case .notReady(let how): "what runs scripts did not begin: \(how)"
        case .system(let error): "\(error)"
        }
    }
}

/// One process that runs scripts. It is killed with the last reference to this, and when this program ends.
package final class ScriptProcess: Sendable {
    /// How long the start may take on a busy host; usually it is a quarter of a second.
    package static let startTimeMax: Duration = .seconds(20)
    /// How long output that the process has written is waited for after its end: somebody may have inherited the pipe.
    private static let outputTimeMax: Duration = .seconds(1)

    /// This end of the process's descriptor 0: SOCK_STREAM, non-blocking.
    package let data: OwnedDescriptor
    /// For messages alone: where a unit is the guard, it is a number of this host all the same.
    package let pid: Int32
    /// Such as `v20.20.2`.
    package let nodeVersion: String
    /// What could not be put up, a sentence each that says why; empty where all walls are there.
    package let missingWalls: [String]

    private let control: PacketSocket
    private let wasKilled: KillMark
    private let watch: Task<ScriptEnd, Never>

    private init(_ starting: StartingScript, pid: Int32, node: String, missingWalls: [String]) {
        data = starting.data
        self.pid = pid
        nodeVersion = node
        self.missingWalls = missingWalls
        control = starting.control
        let mark = KillMark()
        wasKilled = mark
        // It must not keep this object, which ends the process when it goes.
        watch = Task { await Self.end(of: starting, mark) }
    }

    deinit { control.close() }

    /// Starts a process; returns when it is about to run Node's main script.
    package static func start(
        _ plan: ScriptPlan, through way: ScriptGuardWay
    ) async throws(ScriptStartError) -> ScriptProcess {
        let starting: StartingScript
        let report: GuardReport?
        do throws(SystemError) {
            starting = try StartingScript(plan, way)
            report = try await starting.firstReport(within: startTimeMax)
        } catch {
            throw .system(error)
        }
        if case .started(let pid, let node, let known, let missingWalls) = report {
            if let known { KnownNodes.keep(known, for: plan) }
            return ScriptProcess(starting, pid: pid, node: node, missingWalls: missingWalls)
        }
        starting.control.close()
        let text = await end(of: starting, KillMark()).standardError
        if case .failed(let sentence) = report { throw .refused(sentence) }
        throw .noAnswer(text)
    }

    /// Ends the process at once, whatever it does. Returns before it has ended: see `end`.
    package func kill() {
        wasKilled.set()
        do throws(SystemError) {
            try control.send(GuardOrder.kill.bytes)
        } catch {
            // The guard understands the end of its connection as well.
            control.close()
        }
    }

    /// Waits for the process's end, which any number of tasks may do, and at any time.
    package func end() async -> ScriptEnd { await watch.value }

    private static func end(of starting: StartingScript, _ mark: KillMark) async -> ScriptEnd {
        let output = OutputTail(starting.output)
        var status: ExitStatus?
        // A connection that breaks, or a packet that is none, is the end as well: the guard kills when it is closed.
        while status == nil, let packet = try? await starting.control.receive() {
            if case .ended(let ended)? = try? GuardReport(packet.bytes) { status = ended }
        }
        if status == nil { starting.control.close() }
        let text = await output.text(within: outputTimeMax)
        return ScriptEnd(status, wasKilled: mark.isSet, standardError: text)
    }
}

/// Whether a process was to be killed.
private final class KillMark: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() { value.store(true, ordering: .releasing) }
}
