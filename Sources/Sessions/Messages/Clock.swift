// Wall-clock time as reports have it.
import Glibc

/// Milliseconds since 1970.
enum Clock {
    static func milliseconds() -> UInt64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return UInt64(max(0, now.tv_sec)) * 1_000 + UInt64(now.tv_nsec) / 1_000_000
    }
}
