// Reads the store in a child process first, because a damaged file can end the process that reads it.
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

enum StoreChild {
    /// Runs `check` in a child. Returns its exit status; throws where reading the file ended the child.
    static func run(
        _ directory: VarDirectory, _ arguments: [String], isQuiet: Bool
    ) async throws -> Int32 {
        let all = ["check", "--in-this-process", "--var-dir", directory.path] + arguments
        // The runtime's report of a crash would say nothing to an administrator.
        let environment = Environment.inherit.updating(["SWIFT_BACKTRACE": "enable=no"])
        let status =
            if isQuiet {
                try await Subprocess.run(
                    .path("/proc/self/exe"), arguments: Arguments(all), environment: environment,
                    output: .discarded, error: .discarded
                ).terminationStatus
            } else {
                try await Subprocess.run(
                    .path("/proc/self/exe"), arguments: Arguments(all), environment: environment,
                    output: .fileDescriptor(.standardOutput, closeAfterSpawningProcess: false),
                    error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
                ).terminationStatus
            }
        switch status {
        case .exited(let code): return code
        case .signaled(let signal):
            throw AgentError.refused(
                "\(directory.store)/data.mdb: damaged so badly that reading it ends the process that does (signal \(signal)); "
                    + "with the agent stopped use \"fastx-agent restore\", or remove the store directory and let gossip "
                    + "bring the map back")
        }
    }

    /// Refuses a store that this process would not survive opening. What else is wrong shows when it is opened.
    static func probe(_ directory: VarDirectory) async throws {
        _ = try await run(directory, ["--structure-only"], isQuiet: true)
    }
}
