// What one load got through one carrier in some seconds, and what the carrier needed for it.
import Foundation
import Histogram
import OperatingSystem

/// Added up over the rounds of a run.
struct Sample: Sendable {
    var seconds = 0.0
    var counts = Tally.Counts()
    /// Processor time of the carrier and of the load generator.
    var carrierSeconds = 0.0
    var generatorSeconds = 0.0

    mutating func add(_ other: Sample) {
        seconds += other.seconds
        counts.answers += other.counts.answers
        counts.bytes += other.counts.bytes
        counts.latencies.add(other.counts.latencies)
        carrierSeconds += other.carrierSeconds
        generatorSeconds += other.generatorSeconds
    }

    var answersPerSecond: Double { Double(counts.answers) / seconds }
    var mebibytes: Double { Double(counts.bytes) / 1_048_576 }

    /// In microseconds.
    func latency(_ percentile: Double) -> Double { Double(counts.latencies.valueAtPercentile(percentile)) }
}

extension OpenLoad {
    /// Before anything is counted: caches fill, and connections come to their pace.
    private static let warmUp: Duration = .milliseconds(500)
    /// Until the first bytes are there: a host may be busy.
    private static let firstTimeMax: Duration = .seconds(30)

    /// Counts for some seconds.
    func measure(_ carrier: any Carrier, seconds: Double) async throws -> Sample {
        try await waitForFirst(carrier.name)
        // Not a wait for something to happen: caches and connections have no moment at which they are warm.
        try await Task.sleep(for: Self.warmUp)
        try tally.check(carrier.name)
        var sample = Sample()
        let generator = Self.generatorSeconds()
        let carried = carrier.usage().cpuSeconds
        let start = ContinuousClock.now
        tally.begin()
        // The time of the measurement itself.
        try await Task.sleep(for: .seconds(seconds))
        sample.counts = tally.end()
        sample.seconds = (ContinuousClock.now - start) / .seconds(1)
        sample.carrierSeconds = carrier.usage().cpuSeconds - carried
        sample.generatorSeconds = Self.generatorSeconds() - generator
        try tally.check(carrier.name)
        guard sample.counts.answers > 0 || sample.counts.bytes > 0 else {
            throw BenchmarkError("\(carrier.name): nothing came through in \(seconds) s")
        }
        return sample
    }

    private func waitForFirst(_ name: String) async throws {
        let latest = ContinuousClock.now + Self.firstTimeMax
        tally.begin()
        while tally.end().bytes == 0 {
            try tally.check(name)
            guard .now < latest else { throw BenchmarkError("\(name): nothing came through in \(Self.firstTimeMax)") }
            tally.begin()
            // What has come is looked at, not waited for, as in all of a measurement.
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func generatorSeconds() -> Double {
        ProcessTable.fields(of: getpid())?.cpuSeconds ?? 0
    }
}
