// How a script's process ended, told apart as far as it matters to whoever used it.
import Glibc
package import OperatingSystem

/// The end of a script's process.
package struct ScriptEnd: Sendable, Equatable {
    /// Why it ended.
    package enum Reason: Sendable, Equatable {
        /// It needed more memory than it may have, or than the host had.
        case outOfMemory
        /// `ScriptProcess.kill` did it.
        case killed
        /// By itself, with this status.
        case exited(Int32)
        /// A signal of this number, which nobody here has sent.
        case signalled(Int32)
        /// The guard is gone without a word about the process, which it takes with it.
        case guardLost
    }

    /// Why it ended.
    package let reason: Reason
    /// The end of what the process wrote to its standard error, at most `standardErrorBytesMax`; for administrators.
    package let standardError: String

    /// What is kept of standard error. Node's report of a lack of memory has about 2 KiB.
    package static let standardErrorBytesMax = 4_096

    /// What V8, Node and the C++ library say when they get no memory.
    private static let lackOfMemory = [
        "heap out of memory", "process out of memory", "Out of memory", "out of memory", "Allocation failed",
        "std::bad_alloc", "Cannot allocate memory",
    ]

    /// - Parameters:
    ///   - status: What the guard told of the process; `nil` when it told nothing.
    ///   - wasKilled: Whether it was to be killed.
    package init(_ status: ExitStatus?, wasKilled: Bool, standardError: String) {
        self.standardError = standardError
        reason =
            switch status {
            case .signalled(SIGKILL): wasKilled ? .killed : .outOfMemory
            case .signalled(let signal):
                [SIGABRT, SIGTRAP, SIGILL, SIGSEGV].contains(signal)
                    && Self.lackOfMemory.contains { standardError.contains($0) } ? .outOfMemory : .signalled(signal)
            case .exited(let status): .exited(status)
            case nil: wasKilled ? .killed : .guardLost
            }
    }
}
