// A connection for each member that is open already when the next one is needed.
import NIOCore
import Replica
import Synchronization

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
