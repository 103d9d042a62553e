// Parses the kernel's files under /proc; text goes in, numbers come out.

/// Means of the number of runnable processes over the last minutes, as `uptime` shows them; no unit.
package struct LoadAverage: Equatable, Sendable {
    /// Over the last minute. Like the other two it is not divided by the number of processors.
    package let oneMinute: Double
    /// Over the last 5 minutes.
    package let fiveMinutes: Double
    /// Over the last 15 minutes.
    package let fifteenMinutes: Double
}

/// The host's memory; all in bytes.
package struct MemoryStatus: Equatable, Sendable {
    /// Physical memory that the kernel can use.
    package let totalBytes: UInt64
    /// What programs can have without swapping: the kernel's `MemAvailable`, caches included.
    package let freeBytes: UInt64
    /// All space for swapping; 0 on a host without swap.
    package let swapTotalBytes: UInt64
    /// Space for swapping that is not in use.
    package let swapFreeBytes: UInt64
}

/// Parsers of single files; `path` is for the error only.
package enum ProcFiles {
    /// `/proc/loadavg`.
    package static func loadAverage(_ text: String, path: String = "/proc/loadavg") throws(SystemError) -> LoadAverage {
        let numbers = words(text).prefix(3).compactMap { finite($0) }
        guard numbers.count == 3 else { throw .unexpectedText(path: path, detail: "no three numbers at its start") }
        return LoadAverage(oneMinute: numbers[0], fiveMinutes: numbers[1], fifteenMinutes: numbers[2])
    }

    /// `/proc/uptime`: seconds since the host was started, with a hundredth's precision.
    package static func uptimeSeconds(_ text: String, path: String = "/proc/uptime") throws(SystemError) -> Double {
        guard let first = words(text).first, let seconds = finite(first) else {
            throw .unexpectedText(path: path, detail: "no number of seconds at its start")
        }
        return seconds
    }

    /// `/proc/meminfo`. A kernel without swap has no swap lines; that counts as 0 bytes.
    package static func memory(_ text: String, path: String = "/proc/meminfo") throws(SystemError) -> MemoryStatus {
        var bytes: [Substring: UInt64] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let kibibytes = words(parts[1]).first.flatMap({ UInt64($0) }) else { continue }
            let (product, overflow) = kibibytes.multipliedReportingOverflow(by: 1024)
            guard !overflow else { throw .unexpectedText(path: path, detail: "\(parts[0]) is too large") }
            bytes[parts[0]] = product
        }
        guard let total = bytes["MemTotal"] else { throw .unexpectedText(path: path, detail: "no line MemTotal") }
        guard let free = bytes["MemAvailable"] else {
            throw .unexpectedText(path: path, detail: "no line MemAvailable")
        }
        return MemoryStatus(
            totalBytes: total, freeBytes: free, swapTotalBytes: bytes["SwapTotal"] ?? 0,
            swapFreeBytes: bytes["SwapFree"] ?? 0)
    }

    /// `/proc/cpuinfo`: the processor's name; `nil` where the kernel does not know one, as on many ARM hosts.
    package static func processorModel(_ text: String) -> String? {
        var found: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let name = words(parts[0]).joined(separator: " ")
            let value = words(parts[1]).joined(separator: " ")
            if !value.isEmpty, found[name] == nil { found[name] = value }
        }
        // x86; then ARM boards, RISC-V, POWER.
        return found["model name"] ?? found["Model"] ?? found["Hardware"] ?? found["uarch"] ?? found["cpu"]
    }

    private static func words(_ text: some StringProtocol) -> [Substring] {
        Substring(text).split { $0 == " " || $0 == "\t" || $0 == "\n" }
    }

    private static func finite(_ word: Substring) -> Double? {
        guard let number = Double(word), number.isFinite, number >= 0 else { return nil }
        return number
    }
}
