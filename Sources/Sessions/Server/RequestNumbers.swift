// Names a request under way for whoever may have to end it early.
import Synchronization

/// Empty until the request has been sent.
final class RequestNumbers: Sendable {
    private let state = Mutex((connection: UInt64, number: UInt64)?.none)

    var sent: (connection: UInt64, number: UInt64)? { state.withLock { $0 } }

    func set(connection: UInt64, number: UInt64) {
        state.withLock { $0 = (connection, number) }
    }
}
