// What happened to logins, sessions and servers, in order, for browsers that follow along.
package import Accounts
import DequeModule
package import JSON
import OperatingSystem
import Synchronization

/// One event of the stream.
package struct UserEvent: Sendable {
    /// From 1 on, one more for each event of this process.
    package let number: UInt64
    /// What browsers listen for, such as `session`.
    package let name: String
    /// The user whom it concerns; nil for everybody who is logged in.
    package let user: String?
    /// What has become of it, in a form of its own for each name.
    package let data: JSONValue

    package init(number: UInt64, name: String, user: String?, data: JSONValue) {
        self.number = number
        self.name = name
        self.user = user
        self.data = data
    }

    /// Managers are told of everybody's where they ask for it.
    package func isVisible(to identity: Identity, all: Bool) -> Bool {
        guard let user, user != identity.user else { return true }
        return all && identity.role >= .manager
    }
}

/// A bounded memory of events, and those who wait for more.
package final class UserEvents: Sendable {
    /// Events that a browser may have missed and still be told.
    package static let keptCountMax = 2_000
    /// Events that a slow browser may be behind; then it is told to load everything anew.
    package static let pendingCountMax = 500

    private let state = Mutex(State())
    /// Tells the events of this process from those of an earlier one.
    let epoch = HexText.encode(RandomBytes.make(6))

    private struct State {
        var kept: Deque<UserEvent> = []
        var lastNumber: UInt64 = 0
        var listeners: [UInt64: AsyncStream<UserEvent>.Continuation] = [:]
        var nextListener: UInt64 = 0
    }

    /// No events yet, under an epoch that no other process has had.
    package init() {}

    /// Tells everybody who follows, at once and in the order of the calls. May be called on any thread; it never waits.
    ///
    /// - Parameter user: Whom it concerns; nil for everybody who is logged in.
    package func publish(_ name: String, of user: String?, _ data: JSONValue) {
        state.withLock { state in
            state.lastNumber += 1
            let event = UserEvent(number: state.lastNumber, name: name, user: user, data: data)
            state.kept.append(event)
            if state.kept.count > Self.keptCountMax { state.kept.removeFirst() }
            for listener in state.listeners.values { listener.yield(event) }
        }
    }

    /// The events after a number and those that come; nil as the first part where they are not all known any more.
    package func follow(after number: UInt64?) -> (missed: [UserEvent]?, last: UInt64, more: AsyncStream<UserEvent>) {
        let (more, continuation) = AsyncStream<UserEvent>.makeStream(
            bufferingPolicy: .bufferingNewest(Self.pendingCountMax))
        return state.withLock { state in
            let listener = state.nextListener
            state.nextListener += 1
            state.listeners[listener] = continuation
            continuation.onTermination = { [weak self] _ in
                self?.state.withLock { $0.listeners[listener] = nil }
            }
            guard let number else { return ([], state.lastNumber, more) }
            let isKnown =
                number <= state.lastNumber
                && (state.kept.first.map { $0.number <= number + 1 } ?? (number == state.lastNumber))
            return (isKnown ? state.kept.filter { $0.number > number } : nil, state.lastNumber, more)
        }
    }
}
