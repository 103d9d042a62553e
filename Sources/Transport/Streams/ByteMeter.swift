// Counts the bytes of a kind of connection.
import Synchronization

/// Bytes sent and received, of one connection or of several.
package final class ByteMeter: Sendable {
    private let sent = Atomic(0)
    private let received = Atomic(0)

    /// Nothing is counted yet.
    package init() {}

    /// Payload that was handed over to be sent so far, without frames and TLS.
    package var bytesSent: Int { sent.load(ordering: .relaxed) }
    /// Payload received so far, without frames and TLS.
    package var bytesReceived: Int { received.load(ordering: .relaxed) }

    /// May be called on any event loop.
    package func countSent(_ count: Int) { sent.wrappingAdd(count, ordering: .relaxed) }
    /// May be called on any event loop.
    package func countReceived(_ count: Int) { received.wrappingAdd(count, ordering: .relaxed) }
}
