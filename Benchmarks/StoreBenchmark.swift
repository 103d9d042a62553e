// The store alone: durable writes, merges, reads, scans, opening.
import ArgumentParser
import Foundation
import Histogram
import Replica
import Store

struct StoreBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Durable writes, group commit, merges, point reads, scans and opening.")

    @OptionGroup var report: ReportOptions
    @Option(help: "How many entries.") var entries = 1_000_000
    @Option(help: "How many bytes a value has.") var valueBytes = 100
    @Option(help: "How many writers write one entry at a time, at once.") var writers = 64

    func run() async throws {
        let printer = ResultPrinter(isJSON: report.json)
        let directory = try TemporaryDirectory()
        var store = try open("\(directory.path)/store")
        try await merges(store, printer)
        try await singleWrites(store, printer)
        try reads(store, printer)
        await store.close()
        Progress.say("opening")
        let start = ContinuousClock.now
        store = try open("\(directory.path)/store")
        printer.print("store.open", (ContinuousClock.now - start) / .milliseconds(1), "milliseconds")
        await store.close()
        try await randomWrites(directory, printer)
    }

    private func open(_ path: String) throws -> Store {
        try Store.open(directory: path, origin: Origin(raw: 1)) { Self.now() }
    }

    private static func now() -> WallTime { WallTime(milliseconds: UInt64(Date().timeIntervalSince1970 * 1_000)) }

    /// What an empty member does with a stream: ordered batches of 256 KiB, several under way.
    private func merges(_ store: Store, _ printer: ResultPrinter) async throws {
        Progress.say("merging \(entries) entries in key order")
        let batches = makeBatches(order: Array(0..<entries))
        let seconds = try await measured { try await merge(batches, into: store) }
        printer.print("store.merge.ordered", Double(entries) / seconds, "entries/second")
    }

    private func randomWrites(_ directory: TemporaryDirectory, _ printer: ResultPrinter) async throws {
        Progress.say("merging \(entries) entries in random order")
        let store = try open("\(directory.path)/random")
        let batches = makeBatches(order: (0..<entries).shuffled())
        let seconds = try await measured { try await merge(batches, into: store) }
        printer.print("store.merge.random", Double(entries) / seconds, "entries/second")
        await store.close()
    }

    private func makeBatches(order: [Int]) -> [EntryBatch] {
        let value = [UInt8](repeating: UInt8(ascii: "v"), count: valueBytes)
        let version = Version(clock: Clock(Self.now()), origin: Origin(raw: 2))
        var batches: [EntryBatch] = []
        var batch = EntryBatch()
        for number in order {
            batch.append(Entry(key: Self.key(number), version: version, value: value))
            if batch.byteCount >= 256 << 10 {
                batches.append(batch)
                batch = EntryBatch()
            }
        }
        return batches + [batch]
    }

    private static func key(_ number: Int) -> Key {
        let digits = String(number)
        return Key(checked: Array("data/\(String(repeating: "0", count: 9 - digits.count))\(digits)".utf8))
    }

    /// Sixteen batches under way, as the credit of a link allows.
    private func merge(_ batches: [EntryBatch], into store: Store) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (position, batch) in batches.enumerated() {
                if position >= 16 { try await group.next() }
                group.addTask { _ = try await store.merge(batch, scope: .everything, source: 1) }
            }
            try await group.waitForAll()
        }
    }

    private func singleWrites(_ store: Store, _ printer: ResultPrinter) async throws {
        for writerCount in [1, writers] {
            Progress.say("writing one entry at a time with \(writerCount) writers")
            let each = writerCount == 1 ? 2_000 : 500
            let latencies = try await write(store, writerCount: writerCount, each: each)
            printer.print("store.write.\(writerCount)writers", latencies.rate, "writes/second")
            printer.print("store.write.\(writerCount)writers.p50", latencies.p50, "microseconds")
            printer.print("store.write.\(writerCount)writers.p99", latencies.p99, "microseconds")
        }
    }

    private func write(
        _ store: Store, writerCount: Int, each: Int
    ) async throws -> (rate: Double, p50: Double, p99: Double) {
        var histogram = Histogram<UInt64>(highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: .three)
        let value = [UInt8](repeating: UInt8(ascii: "w"), count: valueBytes)
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: [UInt64].self) { group in
            for writer in 0..<writerCount {
                group.addTask {
                    var latencies: [UInt64] = []
                    for number in 0..<each {
                        let begin = ContinuousClock.now
                        let key = try Key("config/\(writer)/\(number)")
                        _ = try await store.write([LocalWrite(key: key, change: .put(value, leaseMilliseconds: nil))])
                        latencies.append(UInt64((ContinuousClock.now - begin) / .microseconds(1)))
                    }
                    return latencies
                }
            }
            for try await latencies in group { for latency in latencies { histogram.record(latency) } }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return (
            Double(writerCount * each) / seconds, Double(histogram.valueAtPercentile(50)),
            Double(histogram.valueAtPercentile(99))
        )
    }

    private func reads(_ store: Store, _ printer: ResultPrinter) throws {
        Progress.say("reading")
        let readCount = min(entries, 500_000)
        let order = (0..<readCount).map { _ in Self.key(Int.random(in: 0..<entries)) }
        var start = ContinuousClock.now
        for key in order { _ = try store.read { (snapshot) throws(StoreError) in try snapshot.get(key) } }
        printer.print("store.read", Double(readCount) / ((ContinuousClock.now - start) / .seconds(1)), "reads/second")
        start = ContinuousClock.now
        var count = 0
        try store.read { (snapshot) throws(StoreError) in
            try snapshot.forEach { (_, _, _, _) throws(StoreError) in
                count += 1
                return true
            }
        }
        printer.print("store.scan", Double(count) / ((ContinuousClock.now - start) / .seconds(1)), "entries/second")
    }
}
