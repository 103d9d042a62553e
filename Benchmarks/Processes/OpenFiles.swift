// How many files and connections this process and its children may have open.
import Foundation

enum OpenFiles {
    /// Raises the limit to what is wanted, as far as the host lets it be raised, and returns what it is then.
    static func raise(to wanted: Int) -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return 0 }
        let before = limit
        limit.rlim_cur = max(limit.rlim_cur, rlim_t(wanted))
        limit.rlim_max = max(limit.rlim_max, limit.rlim_cur)
        // Only a privileged user may raise the hard limit.
        if unsafe setrlimit(resource, &limit) == 0 { return Int(clamping: limit.rlim_cur) }
        limit = before
        limit.rlim_cur = limit.rlim_max
        return Int(clamping: unsafe setrlimit(resource, &limit) == 0 ? limit.rlim_cur : before.rlim_cur)
    }
}
