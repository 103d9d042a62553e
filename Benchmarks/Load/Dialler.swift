// Opens the load generator's TLS connections.
import NIOCore
import NIOPosix
import NIOSSL

/// The load generator's threads and its TLS settings.
struct Dialler: Sendable {
    /// One for the load that is measured, and one for what goes on beside it.
    private static let threadCount = 2
    private static let connectTimeMax: TimeAmount = .seconds(10)
    /// Connections under way to be opened at once: fewer than any listener's backlog.
    private static let openingCountMax = 64

    let group: MultiThreadedEventLoopGroup
    private let tls: NIOSSLContext
    let measured: any EventLoop
    let beside: any EventLoop

    init() throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        // The certificates are self-signed, and it is not they that are measured.
        configuration.certificateVerification = .none
        configuration.applicationProtocols = ["http/1.1"]
        configuration.shutdownTimeout = .milliseconds(200)
        tls = try NIOSSLContext(configuration: configuration)
        group = MultiThreadedEventLoopGroup(numberOfThreads: Self.threadCount)
        measured = group.next()
        beside = group.next()
    }

    func shutDown() async throws { try await group.shutdownGracefully() }

    /// A connected channel. TLS may be under way still: what is written waits for it.
    func connect<Output: Sendable>(
        _ route: Route, on loop: any EventLoop, _ initialize: @escaping @Sendable (any Channel) throws -> Output
    ) async throws -> Output {
        do {
            return try await ClientBootstrap(group: loop)
                .connectTimeout(Self.connectTimeMax)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: Route.host, port: route.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handler = try NIOSSLClientHandler(context: tls, serverHostname: "localhost")
                        try channel.pipeline.syncOperations.addHandler(handler)
                        return try initialize(channel)
                    }
                }
        } catch let error as IOError {
            throw BenchmarkError("\(route.name): no connection to \(route.authority): \(error)")
        }
    }

    /// Opens many connections, a bounded number of them at a time. Where one fails, none stays open.
    func openMany(
        _ count: Int, _ open: @escaping @Sendable () async throws -> any Channel
    ) async throws -> [any Channel] {
        let results = await withTaskGroup(of: Result<any Channel, any Error>.self) { group in
            var results: [Result<any Channel, any Error>] = []
            var hasFailed = false
            for position in 0..<count where !hasFailed && !Task.isCancelled {
                if position >= Self.openingCountMax, let next = await group.next() {
                    results.append(next)
                    if case .failure = next { hasFailed = true }
                }
                group.addTask {
                    do { return .success(try await open()) } catch { return .failure(error) }
                }
            }
            for await next in group { results.append(next) }
            return results
        }
        do {
            try Task.checkCancellation()
            return try results.map { try $0.get() }
        } catch {
            for case .success(let channel) in results { channel.close(promise: nil) }
            throw error
        }
    }
}
