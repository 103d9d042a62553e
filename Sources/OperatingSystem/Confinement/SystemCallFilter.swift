// The system calls that a process may still make, laid down by itself and for good (seccomp).
import CSeccomp
import Glibc

/// A list of what is allowed; everything else is refused with EPERM, and the process goes on.
@safe package final class SystemCallFilter {
    /// What an argument of a call has to be; `place` counts from 0.
    package struct Condition: Sendable {
        let comparison: scmp_arg_cmp

        /// The argument is a value.
        package static func argument(_ place: UInt32, is value: UInt64) -> Condition {
            Condition(comparison: scmp_arg_cmp(arg: place, op: SCMP_CMP_EQ, datum_a: value, datum_b: 0))
        }

        /// Of the bits of a mask the argument has just these.
        package static func argument(_ place: UInt32, masked mask: UInt64, is value: UInt64) -> Condition {
            Condition(comparison: scmp_arg_cmp(arg: place, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value))
        }
    }

    // Macros of the library's.
    private static let allowing: UInt32 = 0x7FFF_0000
    private static let failing: UInt32 = 0x0005_0000

    private let context: scmp_filter_ctx

    /// Nothing is allowed yet, and nothing is in force.
    package init() throws(SystemError) {
        guard let context = unsafe seccomp_init(Self.failing | UInt32(EPERM)) else {
            throw .call(name: "seccomp_init", subject: "a filter", code: ENOMEM)
        }
        unsafe self.context = unsafe context
    }

    deinit { unsafe seccomp_release(context) }

    /// Allows calls by their names, whatever their arguments. One that this platform does not have is passed over.
    package func allow(_ names: [String]) throws(SystemError) {
        for name in names { try allow(name, if: []) }
    }

    /// Allows a call where all conditions hold. Called twice, either set of conditions is enough.
    package func allow(_ name: String, if conditions: [Condition]) throws(SystemError) {
        try add(Self.allowing, name, conditions)
    }

    /// Answers a call as a kernel that does not have it would, for which the C library has another way.
    package func hide(_ name: String) throws(SystemError) {
        try add(Self.failing | UInt32(ENOSYS), name, [])
    }

    private func add(_ action: UInt32, _ name: String, _ conditions: [Condition]) throws(SystemError) {
        let number = unsafe seccomp_syscall_resolve_name(name)
        // Calls of other platforms alone have negative numbers.
        guard number >= 0 else { return }
        let comparisons = conditions.map(\.comparison)
        let result = unsafe seccomp_rule_add_array(
            context, action, number, UInt32(comparisons.count), comparisons)
        guard result == 0 else { throw .call(name: "seccomp_rule_add", subject: name, code: -result) }
    }

    /// From now on, and in every program that this thread becomes. Needs `Kernel.forbidNewPrivileges` first.
    package func putUp() throws(SystemError) {
        let result = unsafe seccomp_load(context)
        guard result == 0 else { throw .call(name: "seccomp_load", subject: "this process", code: -result) }
    }
}
