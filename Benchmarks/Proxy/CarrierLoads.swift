// The loads of the benchmarks `proxy` and `relay`, each through every carrier in turn.
import NIOCore

/// Runs loads and prints their figures.
struct CarrierLoads {
    /// The measured one first.
    let carriers: [any Carrier]
    /// No carrier at all, for what the member itself could do.
    let direct: any Carrier
    let options: LoadOptions
    let streamCount: StreamCount
    let dialler: Dialler
    let token: String?
    let sessionPath: String
    let report: CarrierReport

    private var logPath: String { sessionPath + "/log" }
    private var displayPath: String { sessionPath + "/display" }

    func run() async throws {
        for kind in LoadKind.allCases where options.loads.contains(kind) {
            switch kind {
            // First, while the memory of all is as after their start.
            case .streams: try await streams()
            case .requests: try await requests()
            case .bulk: try await bulk()
            case .display: try await display()
            case .small: try await small()
            }
        }
    }

    func route(_ carrier: any Carrier) -> Route { Route(name: carrier.name, port: carrier.port, token: token) }

    /// Rounds of one load over carriers; each carrier's samples added up.
    private func inTurn(
        _ what: String, _ carriers: [any Carrier], _ body: (any Carrier) async throws -> Sample
    ) async throws -> [(carrier: String, sample: Sample)] {
        var samples = [Sample](repeating: Sample(), count: carriers.count)
        for round in 1...options.rounds {
            for (position, carrier) in carriers.enumerated() {
                Progress.say("\(what) through \(carrier.name), round \(round)")
                do {
                    samples[position].add(try await body(carrier))
                } catch {
                    // The reason is the one that the log has, where the carrier itself is gone.
                    try carrier.check()
                    throw error
                }
            }
        }
        return zip(carriers, samples).map { ($0.name, $1) }
    }

    // MARK: Loads

    private func requests() async throws {
        let results = try await inTurn("small requests", carriers + [direct]) { carrier in
            try await measure(
                carrier,
                try await dialler.openRequests(
                    sessionPath, connections: options.connections, on: route(carrier), loop: dialler.measured))
        }
        report.print(
            "requests",
            results.map { carrier, sample in
                (
                    carrier,
                    [Figure(name: "", value: sample.answersPerSecond, unit: "requests/second")]
                        + Self.latencies(sample)
                        + [
                            Figure(
                                name: "cpu", value: sample.carrierSeconds * 1e6 / Double(max(1, sample.counts.answers)),
                                unit: "microseconds of processor a request"),
                            Self.generator(sample),
                        ]
                )
            })
    }

    private func bulk() async throws {
        let results = try await inTurn("a session's log", carriers + [direct]) { carrier in
            try await measure(
                carrier,
                try await dialler.openRequests(
                    logPath, connections: options.bulkConnections, on: route(carrier), loop: dialler.measured))
        }
        printBytes("bulk", results)
    }

    private func display() async throws {
        let results = try await inTurn("a display's pictures", carriers + [direct]) { carrier in
            try await measure(carrier, try await dialler.openDisplayPull(displayPath, on: route(carrier)))
        }
        printBytes("display", results)
    }

    private func printBytes(_ load: String, _ results: [(carrier: String, sample: Sample)]) {
        report.print(
            load,
            results.map { carrier, sample in
                (
                    carrier,
                    [
                        Figure(name: "", value: sample.mebibytes / sample.seconds, unit: "MiB/second"),
                        Figure(
                            name: "cpu", value: sample.carrierSeconds * 1e3 / max(sample.mebibytes, 1),
                            unit: "milliseconds of processor a MiB"),
                        Self.generator(sample),
                    ]
                )
            })
    }

    /// Small requests over one connection: alone, beside connections that pull all they can, and beside ones that have
    /// stopped reading.
    private func small() async throws {
        try await small("small") { _ in nil }
        try await small("small.beside-saturated") { carrier in
            try await dialler.openRequests(
                logPath, connections: options.bulkConnections, on: route(carrier), loop: dialler.beside)
        }
        try await small("small.beside-stalled") { carrier in
            try await dialler.openStalled(logPath, connections: options.stalledConnections, on: route(carrier))
        }
    }

    private func small(_ load: String, _ other: (any Carrier) async throws -> OpenLoad?) async throws {
        let results = try await inTurn("one request at a time (\(load))", carriers + [direct]) { carrier in
            let other = try await other(carrier)
            do {
                let sample = try await measure(
                    carrier,
                    try await dialler.openRequests(
                        sessionPath, connections: 1, on: route(carrier), loop: dialler.measured))
                try other?.tally.check(carrier.name)
                await other?.end()
                return sample
            } catch {
                await other?.end()
                throw error
            }
        }
        report.print(load, results.map { ($0, Self.latencies($1)) })
    }

    /// Measures a load and ends it.
    private func measure(_ carrier: any Carrier, _ load: OpenLoad) async throws -> Sample {
        do {
            let sample = try await load.measure(carrier, seconds: options.seconds)
            await load.end()
            return sample
        } catch {
            await load.end()
            throw error
        }
    }

    private static func latencies(_ sample: Sample) -> [Figure] {
        [
            Figure(name: "p50", value: sample.latency(50), unit: "microseconds"),
            Figure(name: "p99", value: sample.latency(99), unit: "microseconds"),
        ]
    }

    /// Near 100 the load generator is what held the load up.
    private static func generator(_ sample: Sample) -> Figure {
        Figure(
            name: "generator", value: sample.generatorSeconds / sample.seconds * 100,
            unit: "% of a processor for the load generator", isCompared: false)
    }
}
