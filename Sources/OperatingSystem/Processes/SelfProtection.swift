// What the daemon does to its own process at the start, before it reads a secret.
import Glibc

/// Keeps secrets out of core dumps and debuggers, makes new files private, and allows as many connections as the host
/// does.
///
/// The settings are those of the whole process, so they belong at the start of `main`, before other threads.
package enum SelfProtection {
    /// The soft limit of open files is raised to the hard one but not beyond this, Linux's own default for `nr_open`:
    /// containers may have a thousand times more, and some libraries walk over all numbers.
    package static let openFilesMax: UInt64 = 1_048_576

    /// What was found and done, for the log.
    package struct Report: Equatable, Sendable {
        /// Limit of open files as the process was started; give it back to children that may use `select`.
        package let openFilesBefore: UInt64
        /// Limit of open files from now on.
        package let openFilesNow: UInt64
    }

    /// Does everything; the first failure ends it.
    package static func apply() throws(SystemError) -> Report {
        try forbidCoreDumps()
        umask(0o077)
        return try raiseOpenFiles()
    }

    /// No core file, and neither core handlers nor debuggers of the same user may look into the process.
    package static func forbidCoreDumps() throws(SystemError) {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) == 0 else {
            throw .call(name: "setrlimit", subject: "RLIMIT_CORE", code: errno)
        }
        try Kernel.hideMemory()
    }

    /// Whether others may look into the process, as the kernel has it.
    package static func isDumpable() throws(SystemError) -> Bool { try Kernel.isMemoryShown() }

    /// Raises the soft limit of open files; never lowers it.
    package static func raiseOpenFiles() throws(SystemError) -> Report {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else {
            throw .call(name: "getrlimit", subject: "RLIMIT_NOFILE", code: errno)
        }
        let before = UInt64(limit.rlim_cur)
        let wanted = max(before, min(UInt64(limit.rlim_max), openFilesMax))
        guard wanted > before else { return Report(openFilesBefore: before, openFilesNow: before) }
        limit.rlim_cur = rlim_t(wanted)
        guard unsafe setrlimit(resource, &limit) == 0 else {
            throw .call(name: "setrlimit", subject: "RLIMIT_NOFILE", code: errno)
        }
        return Report(openFilesBefore: before, openFilesNow: wanted)
    }
}
