// Role: the text of a progress line and when it is due; knows no terminal and no clock.

/// Counts what is done and says at most ten times a second how the line reads now.
package struct ProgressMeter: Sendable {
    /// 10 Hz: as fast as a reader can use, and nothing beside the work.
    static let interval: Duration = .milliseconds(100)

    /// What is done, such as `load`.
    let label: String
    /// What is counted, in the plural, such as `entries`.
    let unit: String
    /// How many there will be; `nil` when nobody knows.
    let total: UInt64?

    private var lastLine: Duration?

    /// - Parameter total: How many there will be, if known.
    package init(label: String, unit: String, total: UInt64?) {
        self.label = label
        self.unit = unit
        self.total = total
    }

    /// The line when one is due, else `nil`. `elapsed` is the time since the start.
    package mutating func line(count: UInt64, elapsed: Duration) -> String? {
        if let lastLine, elapsed - lastLine < Self.interval { return nil }
        lastLine = elapsed
        return text(count: count, elapsed: elapsed)
    }

    /// For example `load: 150,000 of 200,000 entries, 75 %, 61,224 per second`.
    package func text(count: UInt64, elapsed: Duration) -> String {
        var text = "\(label): \(Self.grouped(count))"
        if let total { text += " of \(Self.grouped(total))" }
        text += " \(unit)"
        if let total {
            // Rounded down, so that 100 % means all; a total that proved too small does not show more than that.
            let percent = total == 0 ? 100 : min(100, Int(Double(count) / Double(total) * 100))
            text += ", \(count < total ? min(99, percent) : percent) %"
        }
        let seconds = elapsed / .seconds(1)
        // A rate over less than this says nothing.
        if seconds >= 0.1 { text += ", \(Self.grouped(UInt64((Double(count) / seconds).rounded()))) per second" }
        return text
    }

    /// Digits in groups of three.
    package static func grouped(_ number: UInt64) -> String {
        let digits = Array(String(number))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }
}
