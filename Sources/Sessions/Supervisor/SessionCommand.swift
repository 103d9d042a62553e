// `fastx-agent session DIRECTORY`: the entry of a session's supervisor.
import Glibc
import OperatingSystem

/// The supervisor's program.
package enum SessionCommand {
    /// Runs a session whose plan lies in a directory, from its start to its end. Returns the process's exit status.
    ///
    /// To be called in a process of its own, in a session of its own: it catches signals and changes limits.
    package static func run(directory path: String) -> Int32 {
        umask(0o077)
        do throws(SystemError) {
            try supervise(SessionDirectory(path: path))
            return 0
        } catch {
            // Standard error is the session's log.
            try? OwnedDescriptor(adopting: dup(2)).write("fastx: \(error)\n".utf8, subject: "standard error")
            return 1
        }
    }

    private static func supervise(_ directory: SessionDirectory) throws(SystemError) {
        try PrivateDirectory.check(directory.path)
        let lock = try FileLock.awaitAndTake(directory.lockFile)
        // A steward has given the session up meanwhile.
        guard try SessionDirectory.read(SupervisorRecord.self, directory.recordFile) == nil else { return }
        guard let plan = try SessionDirectory.read(SessionPlan.self, directory.planFile) else {
            throw .malformed(subject: directory.planFile, detail: "it is missing")
        }
        try lock.describe("\(getpid())\n")
        if let limit = plan.openFilesMax { try limitOpenFiles(limit) }
        var supervisor = try SessionSupervisor(plan: plan, directory: directory)
        try supervisor.run()
        withExtendedLifetime(lock) {}
    }

    /// Programs that use `select` do not survive the agent's own limit.
    private static func limitOpenFiles(_ count: UInt64) throws(SystemError) {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else {
            throw .call(name: "getrlimit", subject: "RLIMIT_NOFILE", code: errno)
        }
        limit.rlim_cur = min(rlim_t(count), limit.rlim_max)
        guard unsafe setrlimit(resource, &limit) == 0 else {
            throw .call(name: "setrlimit", subject: "RLIMIT_NOFILE", code: errno)
        }
    }
}
