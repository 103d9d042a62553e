// Connections that keep a load on a route, from their opening to their end.
import NIOCore
import NIOHTTP1

/// A load that is on.
struct OpenLoad: Sendable {
    let tally: Tally
    private let channels: [any Channel]

    init(_ tally: Tally, _ channels: [any Channel]) {
        self.tally = tally
        self.channels = channels
    }

    /// Returns when all connections are closed.
    func end() async {
        tally.finish()
        for channel in channels { channel.close(promise: nil) }
        // A channel that closes with an error is closed as well.
        for channel in channels { try? await channel.closeFuture.get() }
    }
}

extension Dialler {
    private static let beginTimeMax: TimeAmount = .seconds(60)

    /// Connections that ask for a path again and again.
    func openRequests(
        _ path: String, connections: Int, on route: Route, loop: any EventLoop
    ) async throws -> OpenLoad {
        let tally = Tally()
        let head = HTTPRequestHead.make(.GET, path, route)
        return OpenLoad(
            tally,
            try await openMany(connections) {
                try await connect(route, on: loop) { channel in
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
                    try pipeline.addHandler(RepeatedRequest(head, tally))
                    return channel
                }
            })
    }

    /// Connections that have asked for something long, and read none of it.
    func openStalled(_ path: String, connections: Int, on route: Route) async throws -> OpenLoad {
        let head = HTTPRequestHead.make(.GET, path, route)
        return try await openBeginning(connections, on: route, Tally()) { StalledRequest(head, $0) }
    }

    /// Event streams.
    func openStreams(_ path: String, count: Int, on route: Route) async throws -> OpenLoad {
        let tally = Tally()
        let head = HTTPRequestHead.make(.GET, path, route)
        return try await openBeginning(count, on: route, tally) { IdleStream(head, $0, tally) }
    }

    /// Connections that count as open once their handlers say so.
    private func openBeginning(
        _ count: Int, on route: Route, _ tally: Tally,
        _ handler: @escaping @Sendable (EventLoopPromise<Void>) -> any ChannelHandler
    ) async throws -> OpenLoad {
        OpenLoad(tally, try await openMany(count) { try await openAnswered(on: route, handler).channel })
    }

    /// A connection, once its handler has got what it waits for.
    func openAnswered<Value: Sendable>(
        on route: Route, _ handler: @escaping @Sendable (EventLoopPromise<Value>) -> any ChannelHandler
    ) async throws -> (channel: any Channel, value: Value) {
        let answered = beside.makePromise(of: Value.self)
        let timer = beside.scheduleTask(in: Self.beginTimeMax) {
            answered.fail(BenchmarkError("\(route.name): a connection got no answer in a minute"))
        }
        defer { timer.cancel() }
        let channel: any Channel
        do {
            channel = try await connect(route, on: beside) { channel in
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
                try pipeline.addHandler(handler(answered))
                return channel
            }
        } catch {
            answered.fail(error)
            throw error
        }
        do {
            return (channel, try await answered.futureResult.get())
        } catch {
            channel.close(promise: nil)
            throw error
        }
    }

    /// A viewer that pulls a display's pictures.
    func openDisplayPull(_ path: String, on route: Route) async throws -> OpenLoad {
        let tally = Tally()
        return OpenLoad(tally, [try await openDisplay(path, tally, on: route)])
    }
}
