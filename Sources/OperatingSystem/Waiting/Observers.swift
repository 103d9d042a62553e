// Tells several parts what has happened, in the order in which it did.
import Synchronization

/// Whoever wants to know of one kind of event.
package final class Observers<Event: Sendable>: Sendable {
    private let observers = Mutex<[@Sendable (Event) -> Void]>([])

    /// Nobody is told yet.
    package init() {}

    /// Calls the closure with every event from now on, where it happens: the closure must not block.
    package func observe(_ observer: @escaping @Sendable (Event) -> Void) {
        observers.withLock { $0.append(observer) }
    }

    /// Tells all of them, in the order in which they came.
    package func tell(_ event: Event) {
        for observer in observers.withLock({ $0 }) { observer(event) }
    }
}
