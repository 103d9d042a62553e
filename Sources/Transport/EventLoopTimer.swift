// The timer of an engine whose owner is an actor or a lock: one task that is planned on an event loop.
package import Engines
package import NIOCore
import Synchronization

/// Calls whoever drives an engine when its deadline has come. It may be given to a driver before there is anybody to call.
package final class EventLoopTimer: EngineTimer, Sendable {
    private struct State {
        var planned: Scheduled<Void>?
        var ring: (@Sendable () -> Void)?
    }

    private let loop: any EventLoop
    private let leeway: Duration
    private let now: @Sendable () -> Duration
    private let state = Mutex(State())

    /// A time that has come already is waited for no less than this, so that an engine that stays due does not keep the
    /// event loop to itself.
    private static let waitMin: Duration = .milliseconds(1)

    /// - Parameters:
    ///   - leeway: How much later than asked for it may be, so that deadlines close to each other are kept by one tick.
    ///   - now: The clock of the engine's deadlines.
    package init(_ loop: any EventLoop, leeway: Duration = .zero, now: @escaping @Sendable () -> Duration) {
        self.loop = loop
        self.leeway = leeway
        self.now = now
    }

    /// Says what is called when the time has come, on the event loop; it must not block.
    package func onDue(_ ring: @escaping @Sendable () -> Void) { state.withLock { $0.ring = ring } }

    /// Plans the call for a deadline, in place of the one planned before.
    package func set(_ deadline: Duration?) {
        let wait = deadline.map { max(rounded($0) - now(), Self.waitMin) }
        let former = state.withLock { state in
            let former = state.planned
            state.planned = wait.map { wait in
                loop.scheduleTask(in: TimeAmount(wait)) { [weak self] in self?.ring() }
            }
            return former
        }
        former?.cancel()
    }

    private func ring() { state.withLock { $0.ring }?() }

    private func rounded(_ deadline: Duration) -> Duration {
        guard leeway > .zero else { return deadline }
        return leeway * Int((deadline / leeway).rounded(.up))
    }
}
