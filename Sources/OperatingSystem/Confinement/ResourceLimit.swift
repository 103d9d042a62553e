// Limits of the kernel on what one process may use, laid down by itself and for good.
import Glibc

/// One kind of limit.
package enum ResourceLimit: Sendable {
    /// The size of core files, in bytes.
    case coreBytes
    /// How long a file may become, in bytes. Pipes and sockets are no files.
    case fileBytes
    /// The highest number of descriptors.
    case openFiles
    /// Memory that is the process's own and can be written, in bytes: what `VmData` of /proc/self/status counts.
    case dataBytes

    private var resource: (kind: __rlimit_resource_t, name: String) {
        switch self {
        case .coreBytes: (__rlimit_resource_t(RLIMIT_CORE.rawValue), "RLIMIT_CORE")
        case .fileBytes: (__rlimit_resource_t(RLIMIT_FSIZE.rawValue), "RLIMIT_FSIZE")
        case .openFiles: (__rlimit_resource_t(RLIMIT_NOFILE.rawValue), "RLIMIT_NOFILE")
        case .dataBytes: (__rlimit_resource_t(RLIMIT_DATA.rawValue), "RLIMIT_DATA")
        }
    }

    /// Lowers the limit, which stays lower than it was where it was lower. Without privileges it cannot be raised again.
    package func lower(to value: UInt64) throws(SystemError) {
        let (kind, name) = resource
        var limit = rlimit()
        guard unsafe getrlimit(kind, &limit) == 0 else { throw .call(name: "getrlimit", subject: name, code: errno) }
        let lowest = min(rlim_t(value), limit.rlim_max)
        limit = rlimit(rlim_cur: lowest, rlim_max: lowest)
        guard unsafe setrlimit(kind, &limit) == 0 else { throw .call(name: "setrlimit", subject: name, code: errno) }
    }
}
