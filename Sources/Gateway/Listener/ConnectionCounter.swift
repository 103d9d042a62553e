// How many connections each address has open.
import Synchronization

/// Counts connections by address.
final class ConnectionCounter: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    /// Counts one more; false, and nothing is counted, where the address has as many as it may.
    func open(_ address: String, perAddressMax: Int) -> Bool {
        counts.withLock { counts in
            let count = counts[address] ?? 0
            guard count < perAddressMax else { return false }
            counts[address] = count + 1
            return true
        }
    }

    func close(_ address: String) {
        counts.withLock { counts in
            let count = counts[address] ?? 0
            counts[address] = count > 1 ? count - 1 : nil
        }
    }
}
