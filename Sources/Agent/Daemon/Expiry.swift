// Purges leases when they end by the clock, and sleeps until then.
import Directory
import Logging
import OperatingSystem
import Replica
import Store

/// Purges expired leases.
struct Expiry {
    let store: Store
    let logger: Logger

    /// From one purge to the next: leases that end close to each other go together. So late an entry may be purged; reads
    /// do not see it any more from its expiry on.
    private static let gap: Duration = .seconds(1)

    /// Purges until cancelled, or until the store is closed.
    func run() async {
        let bell = Bell()
        // What is written may end sooner, and comes after a while in which the clock may have been set.
        let changes = store.subscribe()
        let following = Task { for await _ in changes { bell.ring() } }
        defer { following.cancel() }
        while !Task.isCancelled {
            await waitUntilDue(bell)
            guard let next = store.nextPurge, next <= WallClock.now() else { continue }
            do throws(StoreError) {
                let count = try await store.expire()
                if count > 0 { logger.debug("purged \(count) expired entries") }
            } catch .closed {
                return
            } catch {
                logger.error("expired entries were not purged: \(error)")
            }
            // Not a wait for something to happen: what ends within it is purged together.
            guard (try? await Task.sleep(for: Self.gap)) != nil else { return }
        }
    }

    /// Returns when something is due, was written, or the task is cancelled.
    private func waitUntilDue(_ bell: Bell) async {
        guard let next = store.nextPurge else {
            _ = await bell.wait()
            return
        }
        let wait = next.millisecondsSince(WallClock.now())
        guard wait > 0 else { return }
        _ = await TimeLimit.run(.milliseconds(wait)) { await bell.wait() }
    }
}
