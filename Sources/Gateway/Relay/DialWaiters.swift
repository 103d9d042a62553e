// Those who wait for a connection that an external member has asked another one for.
import NIOCore
import Relay
import Synchronization

/// Those who wait for a connection that is asked for. Nobody is told anything while the lock is held.
final class DialWaiters: Sendable {
    typealias Waiter = CheckedContinuation<any Channel, any Error>

    private let waiters = Mutex<[DialID: Waiter]>([:])

    func add(_ waiter: Waiter, for dial: DialID) { waiters.withLock { $0[dial] = waiter } }

    /// Whoever waits, who has to be told then.
    func take(_ dial: DialID) -> Waiter? { waiters.withLock { $0.removeValue(forKey: dial) } }
}
