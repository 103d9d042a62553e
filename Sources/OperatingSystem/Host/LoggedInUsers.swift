// Who is logged in on the host, from the C library's record of logins.
import Glibc
internal import Synchronization

/// Reads utmp.
package enum LoggedInUsers {
    /// The C library's position in the file is one for the whole process.
    private static let lock = Mutex(())
    /// A damaged file must not keep us here.
    private static let entriesMax = 100_000

    /// Names of the users who are logged in, each once, in byte order; empty when there are none, or when the host
    /// keeps no such record (a container).
    ///
    /// Like `who`, it leaves out logins whose process has ended without taking its entry away.
    package static func names() -> [String] {
        lock.withLock { _ in
            var names: [String] = []
            setutxent()
            defer { endutxent() }
            for _ in 0..<entriesMax {
                guard let entry = unsafe getutxent() else { break }
                guard unsafe entry.pointee.ut_type == USER_PROCESS, isAlive(unsafe entry.pointee.ut_pid) else {
                    continue
                }
                let name = unsafe withUnsafeBytes(of: entry.pointee.ut_user) { bytes in
                    // Ends with a zero only when it is shorter than its field.
                    unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                names.append(name)
            }
            return sortedUnique(names)
        }
    }

    /// In byte order, without doubles and empty names.
    package static func sortedUnique(_ names: [String]) -> [String] {
        Set(names).filter { !$0.isEmpty }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private static func isAlive(_ pid: pid_t) -> Bool {
        pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH
    }
}
