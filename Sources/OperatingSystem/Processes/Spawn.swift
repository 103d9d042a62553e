// Starts programs by posix_spawn: argument arrays, an explicit environment, no inherited descriptors.
package import Glibc

/// A program to start.
package struct SpawnPlan: Sendable {
    /// An absolute path.
    package var program: String
    /// Without the program's own name.
    package var arguments: [String]
    /// The whole environment.
    package var environment: [String: String]
    /// Where it begins; `nil` for where this process is.
    package var directory: String?
    /// What it has as descriptors 0, 1, 2 and so on; `nil` for /dev/null. All others are closed.
    package var descriptors: [OwnedDescriptor?]
    /// Whether it leads a session of its own, which no terminal and no hang-up reaches.
    package var isDetached: Bool
    /// Signals that are held back until it asks for them, so that none comes before it can take them.
    package var heldSignals: [CInt]
    /// Under which name it is listed; `nil` for its path.
    package var shownName: String?

    /// What is shown of a program in errors: no arguments, which may hold what is nobody's business.
    package var name: String { String(program.split(separator: "/").last ?? "") }

    /// Without further arguments the child begins where this process is, is not detached, and has /dev/null as its
    /// descriptors 0 to 2.
    package init(
        program: String, arguments: [String], environment: [String: String], directory: String? = nil,
        descriptors: [OwnedDescriptor?] = [nil, nil, nil], isDetached: Bool = false, heldSignals: [CInt] = [],
        shownName: String? = nil
    ) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.descriptors = descriptors
        self.isDetached = isDetached
        self.heldSignals = heldSignals
        self.shownName = shownName
    }
}

/// `posix_spawn` with everything that a child must not inherit taken away.
package enum Spawn {
    // <spawn.h> declares it for _GNU_SOURCE only.
    private static let newSession: CShort = 0x80
    /// Descriptors are moved above this first, so that none is overwritten before it is used.
    private static let firstHighDescriptor: CInt = 64
    /// Signals 1 to 64 on Linux.
    private static let signalMax: CInt = 64

    /// Starts a program and returns its process id; whoever calls has to wait for it.
    package static func start(_ plan: SpawnPlan) throws(SystemError) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        try check(unsafe posix_spawn_file_actions_init(&actions), plan)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        let moved = try unsafe addDescriptors(plan, &actions)
        if let directory = plan.directory { try unsafe Kernel.addDirectory(&actions, directory) }

        var attributes = posix_spawnattr_t()
        try check(unsafe posix_spawnattr_init(&attributes), plan)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        try addAttributes(plan, &attributes)

        let words = [plan.shownName ?? plan.program] + plan.arguments
        let variables = plan.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        var pid: pid_t = 0
        let code = unsafe withCStrings(words) { words in
            unsafe withCStrings(variables) { variables in
                unsafe posix_spawn(&pid, plan.program, &actions, &attributes, words, variables)
            }
        }
        withExtendedLifetime(moved) {}
        try check(code, plan)
        return pid
    }

    private static func addDescriptors(
        _ plan: SpawnPlan, _ actions: inout posix_spawn_file_actions_t
    ) throws(SystemError) -> [OwnedDescriptor] {
        var moved: [OwnedDescriptor] = []
        for (number, descriptor) in plan.descriptors.enumerated() {
            let target = CInt(number)
            guard let descriptor else {
                let flags = number == 0 ? O_RDONLY : O_WRONLY
                try check(unsafe posix_spawn_file_actions_addopen(&actions, target, "/dev/null", flags, 0), plan)
                continue
            }
            let high = fcntl(descriptor.raw, F_DUPFD_CLOEXEC, firstHighDescriptor)
            guard high >= 0 else { throw .call(name: "fcntl", subject: plan.name, code: errno) }
            moved.append(OwnedDescriptor(adopting: high))
            try check(unsafe posix_spawn_file_actions_adddup2(&actions, high, target), plan)
        }
        try unsafe Kernel.addCloseFrom(&actions, CInt(plan.descriptors.count))
        return moved
    }

    private static func addAttributes(
        _ plan: SpawnPlan, _ attributes: inout posix_spawnattr_t
    ) throws(SystemError) {
        var held = sigset_t()
        unsafe sigemptyset(&held)
        for signal in plan.heldSignals { unsafe sigaddset(&held, signal) }
        try check(unsafe posix_spawnattr_setsigmask(&attributes, &held), plan)
        var all = sigset_t()
        unsafe sigemptyset(&all)
        // Two of the C library's own are refused by `sigaddset`, as they have to be.
        for signal in 1...signalMax where signal != SIGKILL && signal != SIGSTOP { unsafe sigaddset(&all, signal) }
        try check(unsafe posix_spawnattr_setsigdefault(&attributes, &all), plan)
        var flags = CShort(POSIX_SPAWN_SETSIGDEF) | CShort(POSIX_SPAWN_SETSIGMASK)
        if plan.isDetached { flags |= newSession }
        try check(unsafe posix_spawnattr_setflags(&attributes, flags), plan)
    }

    private static func check(_ code: CInt, _ plan: SpawnPlan) throws(SystemError) {
        guard code == 0 else { throw .call(name: "posix_spawn", subject: plan.program, code: code) }
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        let copies: [UnsafeMutablePointer<CChar>?] = unsafe texts.map { unsafe strdup($0) }
        defer { unsafe copies.forEach { unsafe free($0) } }
        var list = unsafe copies + [nil]
        return unsafe body(&list)
    }
}

/// How a process ended.
package enum ExitStatus: Hashable, Sendable {
    /// It ended by itself, with this status from 0 to 255.
    case exited(Int32)
    /// A signal of this number ended it.
    case signalled(Int32)

    /// From `waitpid`'s status word.
    package init(status: CInt) {
        let signal = status & 0x7F
        self = signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal)
    }

    /// As a shell tells it: 128 and the signal's number for a process that a signal ended.
    package var shellCode: Int32 {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): 128 + signal
        }
    }
}

/// Finds programs as a shell does.
package enum ProgramPath {
    /// Where programs are looked for when a user's environment says nothing.
    package static let standard = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"

    /// The absolute path of a program; `nil` when no directory of `path` has it.
    package static func find(_ name: String, in path: String) -> String? {
        for directory in path.split(separator: ":") where directory.hasPrefix("/") {
            let candidate = "\(directory)/\(name)"
            var status = stat()
            if unsafe stat(candidate, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
                unsafe access(candidate, X_OK) == 0
            {
                return candidate
            }
        }
        return nil
    }

    /// This program's own file.
    package static func own() throws(SystemError) -> String { try HostFile.linkTarget(of: "/proc/self/exe") }
}
