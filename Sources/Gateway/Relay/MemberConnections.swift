// The connections that members have opened to an external one: who waits for one, which is spare, and all there are.
import NIOCore
import Relay
import Replica
import Synchronization
import Transport

/// Those who wait for a connection that is asked for. Nobody is told anything while the lock is held.
final class DialWaiters: Sendable {
    typealias Waiter = CheckedContinuation<any Channel, any Error>

    private let waiters = Mutex<[DialID: Waiter]>([:])

    func add(_ waiter: Waiter, for dial: DialID) { waiters.withLock { $0[dial] = waiter } }

    /// Whoever waits, who has to be told then.
    func take(_ dial: DialID) -> Waiter? { waiters.withLock { $0.removeValue(forKey: dial) } }
}

/// One connection for each member that nobody uses yet.
final class SpareConnections: Sendable {
    private struct State {
        var channels: [ServerID: any Channel] = [:]
        var isAskedFor: Set<ServerID> = []
    }

    private let state = Mutex(State())

    func take(_ member: ServerID) -> (any Channel)? { state.withLock { $0.channels.removeValue(forKey: member) } }

    /// Whether one is to be asked for now: there is none, and nobody has asked. `put` has to be called with what comes
    /// of it.
    func isNeeded(by member: ServerID) -> Bool {
        state.withLock { state in state.channels[member] == nil && state.isAskedFor.insert(member).inserted }
    }

    /// Keeps what came of asking until it is taken or closed.
    func put(_ channel: (any Channel)?, _ member: ServerID) {
        state.withLock { state in
            state.isAskedFor.remove(member)
            state.channels[member] = channel
        }
        channel?.closeFuture.whenComplete { [weak self] _ in self?.forget(member, channel) }
    }

    private func forget(_ member: ServerID, _ channel: (any Channel)?) {
        state.withLock { state in
            if state.channels[member] === channel { state.channels[member] = nil }
        }
    }
}

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
