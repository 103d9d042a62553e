// What a load has got so far, counted by its connections.
import Histogram
import NIOCore
import Synchronization

/// Counts answers, bytes and latencies while it is on.
final class Tally: Sendable {
    /// In microseconds; none takes longer than a minute.
    typealias Latencies = Histogram<UInt32>

    struct Counts: Sendable {
        var answers = 0
        var bytes = 0
        var latencies = Latencies(highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: .three)
    }

    private struct State {
        var counts = Counts()
        var isOn = false
        var isOver = false
        var failure: String?
    }

    private let state = Mutex(State())

    /// Forgets what was counted before, and counts from now on.
    func begin() {
        state.withLock {
            $0.counts = Counts()
            $0.isOn = true
        }
    }

    /// Counts no more.
    func end() -> Counts {
        state.withLock {
            $0.isOn = false
            return $0.counts
        }
    }

    func add(byteCount: Int) { state.withLock { if $0.isOn { $0.counts.bytes += byteCount } } }

    func add(answerAfter time: TimeAmount) {
        state.withLock { state in
            guard state.isOn else { return }
            state.counts.answers += 1
            state.counts.latencies.record(UInt64(clamping: time.nanoseconds / 1_000))
        }
    }

    /// Connections end from now on because they are meant to.
    func finish() { state.withLock { $0.isOver = true } }

    /// Notes what went wrong first.
    func fail(_ reason: String) {
        state.withLock { state in
            if state.failure == nil, !state.isOver { state.failure = reason }
        }
    }

    /// Throws where something went wrong.
    func check(_ name: String) throws {
        if let failure = state.withLock({ $0.failure }) { throw BenchmarkError("\(name): \(failure)") }
    }
}
