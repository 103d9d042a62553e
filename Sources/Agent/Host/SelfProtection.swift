// Role: what the daemon does to its own process at the start, before it reads a secret.
internal import Glibc

/// Keeps secrets out of core dumps and debuggers, makes new files private, and allows as many connections as the host
/// does.
///
/// The settings are those of the whole process, so they belong at the start of `main`, before other threads.
enum SelfProtection {
    /// The soft limit of open files is raised to the hard one but not beyond this, Linux's own default for `nr_open`:
    /// containers may have a thousand times more, and some libraries walk over all numbers.
    static let openFilesMax: UInt64 = 1_048_576

    /// What was found and done, for the log.
    struct Report: Equatable, Sendable {
        /// Limit of open files as the process was started; give it back to children that may use `select`.
        let openFilesBefore: UInt64
        /// Limit of open files from now on.
        let openFilesNow: UInt64
    }

    /// Does everything; the first failure ends it.
    static func apply() throws(HostError) -> Report {
        try forbidCoreDumps()
        umask(0o077)
        return try raiseOpenFiles()
    }

    /// No core file, and neither core handlers nor debuggers of the same user may look into the process.
    static func forbidCoreDumps() throws(HostError) {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) == 0 else {
            throw .systemCall(name: "setrlimit", subject: "RLIMIT_CORE", code: errno)
        }
        guard try processControl(setDumpable, 0) == 0 else {
            throw .systemCall(name: "prctl", subject: "PR_SET_DUMPABLE", code: errno)
        }
    }

    /// Whether others may look into the process, as the kernel has it.
    static func isDumpable() throws(HostError) -> Bool {
        try processControl(getDumpable, 0) != 0
    }

    /// Raises the soft limit of open files; never lowers it.
    static func raiseOpenFiles() throws(HostError) -> Report {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else {
            throw .systemCall(name: "getrlimit", subject: "RLIMIT_NOFILE", code: errno)
        }
        let before = UInt64(limit.rlim_cur)
        let wanted = max(before, min(UInt64(limit.rlim_max), openFilesMax))
        guard wanted > before else { return Report(openFilesBefore: before, openFilesNow: before) }
        limit.rlim_cur = rlim_t(wanted)
        guard unsafe setrlimit(resource, &limit) == 0 else {
            throw .systemCall(name: "setrlimit", subject: "RLIMIT_NOFILE", code: errno)
        }
        return Report(openFilesBefore: before, openFilesNow: wanted)
    }

    // PR_GET_DUMPABLE and PR_SET_DUMPABLE of <linux/prctl.h>, part of the kernel's stable interface.
    private static let getDumpable: CInt = 3
    private static let setDumpable: CInt = 4

    private typealias ProcessControl =
        @convention(c) (CInt, CUnsignedLong, CUnsignedLong, CUnsignedLong, CUnsignedLong) -> CInt

    /// `prctl`, looked up by name since Swift does not import functions with variable arguments; on the platforms of
    /// this program integers are passed to those as to any other function.
    private static func processControl(_ option: CInt, _ argument: CUnsignedLong) throws(HostError) -> CInt {
        guard let symbol = unsafe dlsym(nil, "prctl") else { throw .missingFunction(name: "prctl") }
        return unsafe unsafeBitCast(symbol, to: ProcessControl.self)(option, argument, 0, 0, 0)
    }
}
