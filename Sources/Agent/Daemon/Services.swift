// The long-running parts of the daemon, in the order in which they start; they stop the other way round.
import Directory
@unsafe @preconcurrency import Dispatch
import Glibc
import Gossip
import Logging
import OperatingSystem
import Replica
import Scripts
import ServiceLifecycle
import Store

/// Work that goes on until the daemon stops.
struct Background: Service {
    private let body: @Sendable () async throws -> Void

    init(_ body: @escaping @Sendable () async throws -> Void) { self.body = body }

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await body() }
        } catch is CancellationError {
            // This is how work without an end is told to end.
        }
        // Work that is done early does not end the daemon.
        try await gracefulShutdown()
    }
}

/// Tells others of the daemon's coming and going; its own end is not hurried.
struct Announcement: Service {
    private let body: @Sendable () async throws -> Void

    init(_ body: @escaping @Sendable () async throws -> Void) { self.body = body }

    func run() async throws { try await body() }
}

/// Closes the store last, when nothing writes any more.
struct StoreService: Service {
    let member: RunningMember

    func run() async throws {
        do {
            try await gracefulShutdown()
        } catch is CancellationError {
            // The daemon ends because another service failed.
        }
        await member.store.close()
    }
}

/// Ends the workers of scripts while those who wait for one can still be answered.
struct ScriptService: Service {
    let pool: ScriptPool

    func run() async throws {
        do {
            try await gracefulShutdown()
        } catch is CancellationError {
            // The daemon ends because another service failed.
        }
        await pool.close()
    }
}

/// Holds the links to the access points. At the end it tells the others that this member stops, and says goodbye.
struct GossipService: Service {
    let member: RunningMember
    let frontDoor: ListenerService
    let update: ServerUpdateSource
    let publisher: LeasePublisher

    func run() async throws {
        // A member that is its own access point should not find nobody there.
        await frontDoor.waitUntilListening()
        await member.node.setAccessPoints(try member.accessPoints(member.configuration))
        try await gracefulShutdown()
        // Before the links end: nobody is to choose a member that is gone.
        await publisher.finish(with: [Lease(await update.make(stopReason: "its agent was told to stop"))])
        await member.node.shutDown(lastWords: lastWords())
    }

    /// The server update as it was just written.
    private func lastWords() -> EntryBatch? {
        do throws(StoreError) {
            return try member.store.entries(forKeys: [LeaseKey.server(member.serverID).key]).batch
        } catch {
            member.logger.warning("the other members are not told that this one stops: \(error)")
            return nil
        }
    }
}

/// SIGHUP, by which services are told to read their configuration again.
enum HangupSignal {
    static func each(_ body: () async -> Void) async {
        signal(SIGHUP, SIG_IGN)
        let signals = AsyncStream<Void>(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let source = DispatchSource.makeSignalSource(signal: SIGHUP)
            source.setEventHandler { continuation.yield() }
            continuation.onTermination = { _ in source.cancel() }
            source.resume()
        }
        for await _ in signals { await body() }
    }
}

/// Takes the gossip node's reports: into the log, and to whoever waits for a change of links.
actor ReportHub {
    private let reports: AsyncStream<Report>
    private let continuation: AsyncStream<Report>.Continuation
    private var linksChanged: @Sendable (Report) -> Void = { _ in }
    private var task: Task<Void, Never>?

    /// Reports beyond this that nobody has taken yet are dropped, the oldest first.
    private static let pendingCountMax = 10_000

    init() {
        (reports, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.pendingCountMax))
    }

    nonisolated func send(_ report: Report) { continuation.yield(report) }

    /// Calls the closure whenever a link goes up or down, or the verdict on this host's clock changes.
    func connect(_ linksChanged: @escaping @Sendable (Report) -> Void) { self.linksChanged = linksChanged }

    /// Begins to log.
    func log(to topic: Logger, agent: Logger, store: Store) {
        let reports = reports
        task = Task {
            for await report in reports {
                let (level, text) = report.logLine
                (level == .debug ? topic : agent).log(level: level, "\(text)")
                switch report {
                case .linkUp, .linkDown: linksChanged(report)
                case .clockConfirmed: await Self.restamp(store, agent)
                case .clockRight:
                    await Self.restamp(store, agent)
                    linksChanged(report)
                case .clockWrong: linksChanged(report)
                default: break
                }
            }
        }
    }

    /// What was written while the clock was ahead, by this process or an earlier one, and refused by everybody, is
    /// stamped anew.
    private static func restamp(_ store: Store, _ logger: Logger) async {
        while !Task.isCancelled {
            do {
                let count = try await store.restampAhead()
                if count > 0 {
                    logger.notice("stamped \(count) entries anew that had been written with a clock ahead of time")
                }
                return
            } catch StoreError.closed {
                return
            } catch {
                logger.error("entries written ahead of time were not stamped anew, and will be tried again: \(error)")
            }
            // Not a wait for something to happen: a full disk or a failing one says nothing when it is well again.
            try? await Task.sleep(for: restampRetryInterval)
        }
    }

    private static let restampRetryInterval: Duration = .seconds(5)
}
