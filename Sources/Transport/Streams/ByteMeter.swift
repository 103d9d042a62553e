// Counts the bytes of a kind of connection.
import Synchronization

/// Bytes sent and received, of one connection or of several.
package final class ByteMeter: Sendable {
    private let sent = Atomic(0)
    private let received = Atomic(0)

    package init() {}

    package var bytesSent: Int { sent.load(ordering: .relaxed) }
    package var bytesReceived: Int { received.load(ordering: .relaxed) }

    package func countSent(_ count: Int) { sent.wrappingAdd(count, ordering: .relaxed) }
    package func countReceived(_ count: Int) { received.wrappingAdd(count, ordering: .relaxed) }
}
