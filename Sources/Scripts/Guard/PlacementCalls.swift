// The system calls that the process of placement scripts may make: a list of what Node needs to compute, and no more.
import Glibc
import OperatingSystem

/// What Node 18, 20 and 24 need for timers, threads, memory, and for reading and writing what is open. All that is not
/// named here is refused: sockets of any kind, starting programs, signals to others, watching or changing files, io_uring,
/// tracing, namespaces, and whatever a later kernel brings.
enum PlacementCalls {
    private static let memory = [
        "brk", "munmap", "mremap", "mprotect", "madvise", "membarrier", "pkey_alloc", "pkey_free", "pkey_mprotect",
    ]
    private static let threads = [
        "futex", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "gettid", "getpid", "getppid", "exit",
        "exit_group", "sched_yield", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "getpriority",
        "getcpu",
        "arch_prctl",
    ]
    /// Of a process's own.
    private static let signals = [
        "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "sigaltstack", "restart_syscall",
    ]
    private static let time = [
        "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    ]
    private static let waiting = [
        "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
        "epoll_pwait",
        "epoll_pwait2", "eventfd", "eventfd2", "pipe", "pipe2",
    ]
    private static let files = [
        "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "close", "close_range", "lseek", "fstat",
        "stat", "lstat", "newfstatat", "statx", "fstatfs", "access", "faccessat", "faccessat2", "readlink",
        "readlinkat",
        "getcwd", "getdents64", "fadvise64", "dup", "dup2", "dup3",
    ]
    /// About the data socket, which is there already.
    private static let sockets = ["getsockname", "getpeername", "getsockopt", "shutdown"]
    private static let facts = [
        "uname", "sysinfo", "getuid", "geteuid", "getgid", "getegid", "getgroups", "getresuid", "getresgid", "capget",
        "getrusage", "times", "getrlimit", "getrandom", "getsid", "getpgrp", "getpgid",
    ]

    // Numbers of the kernel's interface on 64-bit platforms.
    private static let mapShared: UInt64 = 1
    /// CLONE_VM and CLONE_THREAD: what a thread is.
    private static let threadFlags: UInt64 = 0x0001_0100
    /// CLONE_NEW*: namespaces.
    private static let namespaceFlags: UInt64 = 0x7E02_0080
    /// O_WRONLY, O_RDWR, O_CREAT, O_TRUNC.
    private static let writingFlags = UInt64(O_ACCMODE | O_CREAT | O_TRUNC)
    /// PR_SET_NAME, PR_GET_NAME, PR_SET_VMA: names of threads and of memory.
    private static let processControls: [UInt64] = [15, 16, 0x5356_4D41]
    /// TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX: what a descriptor is, and its flags.
    private static let deviceControls: [UInt64] = [0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451]
    /// F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC. Not F_SETOWN, by which the kernel sends signals.
    private static let descriptorControls: [UInt64] = [0, 1, 2, 3, 4, 1_030]

    /// Allows the one `execve` by which this process becomes Node, and nothing that is not needed afterwards.
    static func filter(before change: ProgramChange) throws(SystemError) -> SystemCallFilter {
        let filter = try SystemCallFilter()
        for names in [memory, threads, signals, time, waiting, files, sockets, facts] { try filter.allow(names) }
        // Shared memory is not counted by the limit of memory.
        try filter.allow("mmap", if: [.argument(3, masked: mapShared, is: 0)])
        try filter.allow("open", if: [.argument(1, masked: writingFlags, is: 0)])
        try filter.allow("openat", if: [.argument(2, masked: writingFlags, is: 0)])
        // The newer call's flags are in memory, where a filter cannot see them: the C library then takes the older one.
        try filter.hide("clone3")
        try filter.allow("clone", if: [.argument(0, masked: threadFlags | namespaceFlags, is: threadFlags)])
        // No other program has its path at this address.
        try filter.allow("execve", if: [.argument(0, is: change.pathAddress)])
        // How a process ends itself when it gives up.
        try filter.allow("tgkill", if: [.argument(0, is: UInt64(getpid()))])
        // To ask for limits, not to set them.
        try filter.allow("prlimit64", if: [.argument(0, is: 0), .argument(2, is: 0)])
        for value in processControls { try filter.allow("prctl", if: [.argument(0, is: value)]) }
        for value in deviceControls { try filter.allow("ioctl", if: [.argument(1, is: value)]) }
        for value in descriptorControls { try filter.allow("fcntl", if: [.argument(1, is: value)]) }
        return filter
    }
}
