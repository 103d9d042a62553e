// The connections that members have opened to an external one, and the bytes on them.
import NIOCore
import Replica
import Synchronization
import Transport

/// All connections that members have opened, as long as they are there, and the bytes on them.
final class MemberConnections: Sendable {
    private struct State {
        var channels: [ServerID: [ObjectIdentifier: any Channel]] = [:]
        /// Bytes on connections of each member since this process began.
        var meters: [ServerID: ByteMeter] = [:]
    }

    private let state = Mutex(State())

    func add(_ channel: any Channel, of member: ServerID) {
        let id = ObjectIdentifier(channel)
        state.withLock { $0.channels[member, default: [:]][id] = channel }
        channel.closeFuture.whenComplete { [weak self] _ in
            self?.state.withLock { state in
                state.channels[member]?[id] = nil
                if state.channels[member]?.isEmpty == true { state.channels[member] = nil }
            }
        }
    }

    func close(of member: ServerID) {
        for channel in state.withLock({ $0.channels[member] ?? [:] }).values { channel.close(promise: nil) }
    }

    func count(of member: ServerID) -> Int { state.withLock { $0.channels[member]?.count ?? 0 } }

    func meter(of member: ServerID) -> ByteMeter {
        state.withLock { state in
            if let meter = state.meters[member] { return meter }
            let meter = ByteMeter()
            state.meters[member] = meter
            return meter
        }
    }

    /// The meter of a member that has opened a connection.
    func knownMeter(of member: ServerID) -> ByteMeter? { state.withLock { $0.meters[member] } }
}
