// Publishes something regularly, and soon after it changed.

/// The rhythm of a publisher. What is published has to be true at the moment of publishing, whatever it was asked for.
struct Republishing: Sendable {
    private let triggers: AsyncStream<Void>
    private let trigger: AsyncStream<Void>.Continuation

    /// Changes that come together are published together.
    private static let settling: Duration = .milliseconds(250)

    init() {
        // One pending trigger says all there is to say.
        (triggers, trigger) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Asks for it soon; may be called from anywhere.
    func changed() { trigger.yield() }

    /// Publishes until cancelled.
    func run(
        every interval: @escaping @Sendable () async -> Duration, _ publish: @escaping @Sendable () async -> Void
    ) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in triggers {
                    do {
                        // Not a wait for something to happen: further changes within this time join this one.
                        try await Task.sleep(for: Self.settling)
                    } catch {
                        return
                    }
                    await publish()
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    await publish()
                    do {
                        // Not a wait for something to happen: publishing is due by the clock.
                        try await Task.sleep(for: await interval())
                    } catch {
                        return
                    }
                }
            }
            await group.waitForAll()
        }
    }
}
