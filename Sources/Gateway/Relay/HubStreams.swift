// The carried streams of an external member: where the bytes of each go.
import Relay
import Synchronization
import Transport

/// One pipe for each stream. Nothing is called while the lock is held.
final class HubStreams: Sendable {
    private struct Known {
        let pipe: CarriedPipe
        let meter: ByteMeter
    }

    private let known = Mutex<[String: Known]>([:])

    func add(_ stream: String, _ pipe: CarriedPipe, _ meter: ByteMeter) {
        known.withLock { $0[stream] = Known(pipe: pipe, meter: meter) }
    }

    func hasRoom(_ stream: String) { known.withLock { $0[stream] }?.pipe.hasRoom() }

    func deliver(_ bytes: ArraySlice<UInt8>, to stream: String) {
        guard let known = known.withLock({ $0[stream] }) else { return }
        known.meter.countReceived(bytes.count)
        known.pipe.deliver(bytes)
    }

    func end(_ stream: String) { known.withLock { $0.removeValue(forKey: stream) }?.pipe.end() }
}
