// Role: shows the progress of long work as one line of the terminal that is rewritten in place.
import Glibc

/// One line on standard error, silent when that is no terminal.
///
/// Call `update` as often as convenient; the line is rewritten ten times a second at most. Call `finish` at the end; a
/// value that is dropped without it, as when the work throws, ends its line by itself.
package struct ProgressLine: ~Copyable {
    private var meter: ProgressMeter
    private let descriptor: CInt
    private let isTerminal: Bool
    private let now: @Sendable () -> ContinuousClock.Instant
    private let start: ContinuousClock.Instant
    /// Columns of the line that stands there now; 0 when there is none.
    private var shownColumns = 0

    /// - Parameters:
    ///   - label: what is done, such as `load`.
    ///   - unit: what is counted, in the plural.
    ///   - total: how many there will be, if known.
    ///   - descriptor: where to write; standard error, and something else in tests.
    ///   - now: the monotonic clock, and another one in tests.
    package init(
        label: String, unit: String, total: UInt64?, descriptor: CInt = STDERR_FILENO,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        meter = ProgressMeter(label: label, unit: unit, total: total)
        self.descriptor = descriptor
        isTerminal = isatty(descriptor) == 1
        self.now = now
        start = now()
    }

    deinit {
        if shownColumns > 0 { Self.put("\n", to: descriptor) }
    }

    /// Says how many are done.
    package mutating func update(count: UInt64) {
        guard isTerminal, let text = meter.line(count: count, elapsed: start.duration(to: now())) else { return }
        show(text)
    }

    /// Takes the line away, so that a message can be printed; the next `update` shows it again.
    package mutating func clear() {
        guard shownColumns > 0 else { return }
        Self.put("\r" + String(repeating: " ", count: shownColumns) + "\r", to: descriptor)
        shownColumns = 0
    }

    /// Shows the final count and ends the line.
    package consuming func finish(count: UInt64) {
        guard isTerminal else { return }
        show(meter.text(count: count, elapsed: start.duration(to: now())))
    }

    private mutating func show(_ text: String) {
        // A line as wide as the terminal would wrap, and \r would then return to the middle of it.
        let line = String(text.prefix(columns() - 1))
        let blanks = max(0, shownColumns - line.count)
        Self.put("\r" + line + String(repeating: " ", count: blanks), to: descriptor)
        shownColumns = line.count
    }

    /// The terminal's width; 80 when it does not tell.
    private func columns() -> Int {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1 else { return 80 }
        return Int(size.ws_col)
    }

    /// A terminal that is gone must not end the work it was to show, so failures are ignored.
    private static func put(_ text: String, to descriptor: CInt) {
        let bytes = Array(text.utf8)
        _ = unsafe write(descriptor, bytes, bytes.count)
    }
}
