// Reads the store in a child process first, because a damaged file can end the process that reads it.
import Glibc
package import MemberConfiguration
import OperatingSystem

/// A child process of this program that reads the store.
package enum StoreChild {
    /// Runs `check` in a child, with this process's own environment. Returns its exit status; throws where reading the
    /// file ended the child.
    package static func run(
        _ directory: VarDirectory, _ arguments: [String], isQuiet: Bool
    ) async throws -> Int32 {
        var environment = ProcessEnvironment.current()
        // The runtime's report of a crash would say nothing to an administrator.
        environment["SWIFT_BACKTRACE"] = "enable=no"
        var plan = SpawnPlan(
            program: try ProgramPath.own(),
            arguments: ["check", "--in-this-process", "--var-dir", directory.path] + arguments, environment: environment
        )
        if !isQuiet {
            plan.descriptors = [nil, try OwnedDescriptor.duplicate(STDOUT_FILENO), try .duplicate(STDERR_FILENO)]
        }
        let child = try ChildProcess.spawn(plan)
        let status: ExitStatus
        if let ended = try await child.wait() {
            status = ended
        } else {
            // Nobody waits for its result any more; it only reads.
            try child.send(SIGKILL)
            _ = try await child.reap()
            throw CancellationError()
        }
        switch status {
        case .exited(let code): return code
        case .signalled(let signal):
            throw AgentError.refused(
                "\(directory.store)/data.mdb: damaged so badly that reading it ends the process that does (signal \(signal)); "
                    + "with the agent stopped use \"fastx-agent restore\", or remove the store directory and let gossip "
                    + "bring the map back")
        }
    }

    /// Refuses a store that this process would not survive opening, with an `AgentError`. What else is wrong shows when it
    /// is opened.
    package static func probe(_ directory: VarDirectory) async throws {
        _ = try await run(directory, ["--structure-only"], isQuiet: true)
    }
}
