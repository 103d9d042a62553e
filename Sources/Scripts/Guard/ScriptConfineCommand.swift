// `fastx-agent script-confine`: puts up the walls around itself, and becomes Node.
import Glibc
import JSON
import OperatingSystem

/// The process that becomes a script's.
package enum ScriptConfineCommand {
    /// What the command line says.
    package struct Arguments: Sendable {
        /// Which walls.
        package var kind: ScriptKind
        /// The absolute path of Node.
        package var node: String
        /// Beyond what Node needs for itself.
        package var memoryMiB: Int
        /// What Node needs for itself; `nil` to ask Node.
        package var baselineBytes: UInt64?
        /// The file that Node runs.
        package var main: String
        /// The newest version of Landlock to be used.
        package var landlockMax: Int
        /// The absolute paths of the programs that metrics may start; any where there is none.
        package var programs: [String]
        /// The guard, with which this process ends; `nil` where there is none.
        package var guardPID: Int32?
        /// Whether descriptor 3 is a pipe to the guard.
        package var isReporting: Bool

        /// Of options that were read already.
        package init(
            kind: ScriptKind, node: String, memoryMiB: Int, baselineBytes: UInt64?, main: String, landlockMax: Int,
            programs: [String], guardPID: Int32?, isReporting: Bool
        ) {
            self.kind = kind
            self.node = node
            self.memoryMiB = memoryMiB
            self.baselineBytes = baselineBytes
            self.main = main
            self.landlockMax = landlockMax
            self.programs = programs
            self.guardPID = guardPID
            self.isReporting = isReporting
        }
    }

    /// The descriptor of the pipe to the guard. It is closed when this process has become Node.
    static let reportDescriptor: CInt = 3

    /// Returns only when this process could not become Node, with its exit status.
    package static func run(_ arguments: Arguments) -> Int32 {
        let report = arguments.isReporting ? OwnedDescriptor(adopting: reportDescriptor) : nil
        let problem: String
        do {
            if let report, fcntl(report.raw, F_SETFD, FD_CLOEXEC) != 0 {
                throw SystemError.call(name: "fcntl", subject: "descriptor \(reportDescriptor)", code: errno)
            }
            problem = "\(try become(arguments, report))"
        } catch {
            problem = "\(error)"
        }
        tell(["failed": .string(problem)], report)
        return 1
    }

    private static func become(_ arguments: Arguments, _ report: OwnedDescriptor?) throws -> SystemError {
        if let guardPID = arguments.guardPID {
            try Kernel.dieWithParent()
            // It may have ended before that.
            guard getppid() == guardPID else { throw SystemError.closed }
        }
        let options = ScriptWalls.options(memoryMiB: arguments.memoryMiB)
        let node: NodeProgram
        if let baselineBytes = arguments.baselineBytes {
            node = NodeProgram(path: arguments.node, version: "", baselineBytes: baselineBytes)
        } else {
            do throws(NodeProgram.Refusal) {
                node = try NodeProgram.ask(arguments.node, options: options)
            } catch {
                throw GuardRefusal(error.sentence)
            }
        }
        let change = try ProgramChange(
            program: node.path, arguments: options + [arguments.main] + words(arguments.kind),
            environment: environment(arguments.kind))
        let walls = ScriptWalls(
            kind: arguments.kind, memoryMiB: arguments.memoryMiB, node: node, main: arguments.main,
            landlockMax: arguments.landlockMax, programs: arguments.programs)
        let missing = try walls.putUp(before: change)
        tell(["missingWalls": .array(missing.map { .string($0) })], report)
        return change.become()
    }

    /// What the main script is told.
    private static func words(_ kind: ScriptKind) -> [String] { kind == .metrics ? ["metrics"] : [] }

    /// Nothing of this process's own but which time is the local one; and what programs need that a script starts.
    private static func environment(_ kind: ScriptKind) -> [String: String] {
        var variables = ProcessEnvironment.current().filter { $0.key == "TZ" }
        if kind == .metrics {
            variables["PATH"] = ProgramPath.standard
            variables["LANG"] = "C.UTF-8"
        }
        return variables
    }

    /// A line for the guard; or for whoever calls this without one, on standard error.
    private static func tell(_ message: JSONValue, _ report: OwnedDescriptor?) {
        let line = Array("\(message.canonicalText)\n".utf8)
        // A guard that has gone has told this process to end, too.
        if let report { return (try? report.write(line, subject: "the guard")) ?? () }
        if message.texts("missingWalls").isEmpty, message.text("failed") == nil { return }
        try? OwnedDescriptor.duplicate(STDERR_FILENO).write(line, subject: "standard error")
    }
}
