// The wall clock of this host, its text, and random bytes.
import Glibc

/// The wall clock. What must not jump is measured by `ContinuousClock`.
package enum WallClock {
    /// Milliseconds since 1970.
    package static func milliseconds() -> UInt64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return UInt64(max(0, now.tv_sec)) * 1_000 + UInt64(now.tv_nsec) / 1_000_000
    }

    /// Whole seconds since 1970.
    package static func seconds() -> Int64 { Int64(milliseconds() / 1_000) }

    /// A time as ISO 8601 in UTC with milliseconds.
    ///
    /// - Parameter milliseconds: Since 1970.
    package static func text(milliseconds: UInt64) -> String {
        var seconds = time_t(milliseconds / 1_000)
        var parts = unsafe tm()
        unsafe gmtime_r(&seconds, &parts)
        func padded(_ value: Int32, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date =
            unsafe "\(padded(parts.tm_year + 1900, 4))-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
        let time = unsafe "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
        return "\(date)T\(time).\(padded(Int32(milliseconds % 1_000), 3))Z"
    }
}

/// Random numbers of the system's generator.
package enum RandomBytes {
    /// A new secret or identity.
    package static func make(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        while bytes.count < count {
            // A system call each.
            let word = generator.next()
            for shift in stride(from: 0, to: UInt64.bitWidth, by: 8) where bytes.count < count {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return bytes
    }
}
