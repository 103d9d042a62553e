// Processor use over the time between two looks at /proc/stat.

/// Keeps the previous sample, for only the difference of two says anything.
package struct CPUSampler: Equatable, Sendable {
    /// Time of all processors since the host was started, in clock ticks (mostly hundredths of a second).
    package struct Sample: Equatable, Sendable {
        /// All that is not idle, stolen time included.
        package var busy: UInt64
        /// Idle, or idle while waiting for a disk.
        package var idle: UInt64
    }

    /// What the next sample is compared with; `nil` until there was one.
    package private(set) var previous: Sample?

    /// Without a sample to compare with: the first use is `nil`.
    package init() {}

    /// Use of all processors together since the last call, in percent, 0 to 100; `nil` at the first call, or when no
    /// tick has passed since.
    package mutating func usePercent(stat text: String, path: String = "/proc/stat") throws(SystemError) -> Double? {
        let sample = try Self.sample(text, path: path)
        defer { previous = sample }
        guard let previous else { return nil }
        // The kernel's wait counter may run backwards; that is no time.
        let busy = sample.busy > previous.busy ? sample.busy - previous.busy : 0
        let idle = sample.idle > previous.idle ? sample.idle - previous.idle : 0
        guard busy + idle > 0 else { return nil }
        return Double(busy) / Double(busy + idle) * 100
    }

    /// Reads the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice.
    ///
    /// The guests' time is part of user and nice already. Stolen time counts as busy: it was not there to be used.
    package static func sample(_ text: String, path: String = "/proc/stat") throws(SystemError) -> Sample {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("cpu ") }) else {
            throw .unexpectedText(path: path, detail: "no line cpu")
        }
        var ticks: [UInt64] = []
        for word in line.split(separator: " ").dropFirst().prefix(8) {
            // Ten million years of ticks fit below this, and no sum of eight overflows.
            guard let value = UInt64(word), value < 1 << 60 else {
                throw .unexpectedText(path: path, detail: "'\(word)' in the line cpu is not a count of ticks")
            }
            ticks.append(value)
        }
        guard ticks.count >= 4 else {
            throw .unexpectedText(path: path, detail: "the line cpu has fewer than 4 counts")
        }
        let idle = ticks[3] + (ticks.count > 4 ? ticks[4] : 0)
        return Sample(busy: ticks.reduce(0, +) - idle, idle: idle)
    }
}
