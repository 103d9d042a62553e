// Event streams on which nothing happens: what each costs its carrier in memory and in processor time.
import NIOHTTP1

extension CarrierLoads {
    private static let path = "/api/v1/events"
    /// As often as a member says on each stream that it is there, and a little more.
    private static let watchedTime: Duration = .seconds(16)
    private static let settlingTime: Duration = .seconds(2)
    /// How long the streams of the carrier before may take to end at the member.
    private static let endingTimeMax: Duration = .seconds(60)
    /// Connections that carriers keep to the member.
    private static let keptFileCount = 100

    func streams() async throws {
        if let note = streamCount.note { report.printer.note(note) }
        let count = streamCount.value
        var results: [(carrier: String, figures: [Figure])] = []
        let quietFileCount = direct.usage().openFileCount
        for carrier in carriers {
            Progress.say("\(count) event streams through \(carrier.name)")
            do {
                results.append((carrier.name, try await streams(count, carrier, quietFileCount)))
            } catch {
                try carrier.check()
                throw error
            }
        }
        report.print("streams", results)
    }

    private func streams(_ count: Int, _ carrier: any Carrier, _ quietFileCount: Int) async throws -> [Figure] {
        let route = route(carrier)
        try await waitForRoom(quietFileCount)
        // Some at once tell that the way is open.
        await (try await dialler.openStreams(Self.path, count: min(count, 10), on: route)).end()
        let before = carrier.usage()
        let start = ContinuousClock.now
        let load = try await dialler.openStreams(Self.path, count: count, on: route)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        do {
            try await Task.sleep(for: Self.settlingTime)
            let opened = carrier.usage()
            try await Task.sleep(for: Self.watchedTime)
            try load.tally.check(carrier.name)
            let watched = carrier.usage()
            await load.end()
            let grown = Double(opened.anonymous - before.anonymous)
            return [
                Figure(name: "", value: Double(count), unit: "streams open", isCompared: false),
                Figure(name: "opening", value: Double(count) / seconds, unit: "streams/second"),
                Figure(name: "memory", value: grown / 1_048_576, unit: "MiB for all"),
                Figure(name: "memory.each", value: grown / 1_024 / Double(count), unit: "KiB for each"),
                Figure(
                    name: "idle",
                    value: (watched.cpuSeconds - opened.cpuSeconds) / (Self.watchedTime / .seconds(1)) * 100,
                    unit: "% of a processor for all"),
            ]
        } catch {
            await load.end()
            throw error
        }
    }

    /// The member bounds the streams of a user, and those of the carrier before may end late. It tells nobody when one has
    /// ended, but then has few connections again.
    private func waitForRoom(_ quietFileCount: Int) async throws {
        let latest = ContinuousClock.now + Self.endingTimeMax
        while direct.usage().openFileCount > quietFileCount + Self.keptFileCount {
            guard .now < latest else {
                throw BenchmarkError(
                    "event streams that ended are still open at the member after \(Self.endingTimeMax)")
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }
}

/// How many event streams are opened, and why not as many as were asked for.
struct StreamCount: Sendable {
    /// What a process has open besides the two connections of each stream.
    private static let otherFilesCount = 500

    let value: Int
    let note: String?

    /// Raises the limit of open files. To be done before any child is started, because children inherit it.
    init(_ options: LoadOptions) {
        let wanted = 2 * options.streams + Self.otherFilesCount
        let limit = OpenFiles.raise(to: wanted)
        if wanted <= limit {
            value = options.streams
            note = nil
        } else {
            value = min(options.streamsFallback, max(1, (limit - Self.otherFilesCount) / 2))
            note =
                "\(value) event streams instead of \(options.streams): this host allows \(limit) open files, and "
                + "\(options.streams) streams need \(wanted)"
        }
    }
}
