// A listening address that can be another one, or none, while the agent runs.
package import OperatingSystem

/// Serves at one address at a time.
package actor Door {
    /// Listens until cancelled; calls the closure with the address, whose port is a real one, once it does.
    package typealias Serve =
        @Sendable (HostAndPort, _ listening: @escaping @Sendable (HostAndPort) async -> Void) async throws
        -> Void

    private struct Serving {
        let configured: HostAndPort
        let bound: HostAndPort
        let task: Task<Void, any Error>
    }

    private let serve: Serve
    /// Where to begin.
    private var wanted: HostAndPort?
    private var hasBegun = false
    private let begun = Latch()
    private var serving: Serving?
    private let failures: AsyncStream<any Error>
    private let failure: AsyncStream<any Error>.Continuation

    /// - Parameter wanted: Where `run` begins to serve; nil for nowhere yet.
    package init(at wanted: HostAndPort?, serve: @escaping Serve) {
        self.wanted = wanted
        self.serve = serve
        (failures, failure) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Returns once connections are accepted, if there is an address for them.
    package func waitUntilBegun() async { await begun.wait() }

    /// Serves until cancelled. Throws where it cannot begin, and when it cannot go on.
    package func run() async throws {
        if let wanted { serving = try await listen(at: wanted) }
        hasBegun = true
        // It may have been told of another one meanwhile.
        try await move(to: wanted)
        await begun.open()
        for await error in failures { throw error }
        hasBegun = false
        await close()
    }

    /// Serves elsewhere from now on. Where that cannot be listened on it throws, and all is as before.
    ///
    /// What is under way at the old address has a moment to end.
    package func move(to address: HostAndPort?) async throws {
        guard hasBegun else { return wanted = address }
        guard address != serving?.configured else { return }
        let old = serving
        if let address, let old, address.port == old.bound.port {
            // An address and all addresses of the host have no port in common.
            await close()
            do {
                serving = try await listen(at: address)
            } catch {
                try await reopen(old.configured)
                throw error
            }
        } else {
            serving = if let address { try await listen(at: address) } else { nil }
            await Self.end(old)
        }
    }

    /// Where the old address is gone as well, the member is of no use any more.
    private func reopen(_ address: HostAndPort) async throws {
        do {
            serving = try await listen(at: address)
        } catch {
            failure.yield(error)
            throw error
        }
    }

    private func close() async {
        let last = serving
        serving = nil
        await Self.end(last)
    }

    private static func end(_ serving: Serving?) async {
        serving?.task.cancel()
        _ = await serving?.task.result
    }

    private func listen(at address: HostAndPort) async throws -> Serving {
        let (addresses, listening) = AsyncThrowingStream<HostAndPort, any Error>.makeStream()
        let serve = serve
        // Detached: it is this door that ends it, and not the end of whoever asked for the move.
        let task = Task.detached {
            do {
                try await serve(address) { listening.yield($0) }
                listening.finish()
            } catch {
                listening.finish(throwing: error)
                throw error
            }
        }
        for try await bound in addresses {
            tellOfFailure(of: task)
            return Serving(configured: address, bound: bound, task: task)
        }
        task.cancel()
        _ = await task.result
        throw CancellationError()
    }

    /// Nor is it when it ends at an address at which it has begun.
    private func tellOfFailure(of task: Task<Void, any Error>) {
        Task { [failure] in
            if case .failure(let error) = await task.result, !task.isCancelled { failure.yield(error) }
        }
    }
}
