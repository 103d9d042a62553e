// Wakes a task that waits for something to do.
import Synchronization

/// For one waiter at a time. Rings that nobody waits for count once. Unlike a stream, it survives its waiter's
/// cancellation.
package final class Bell: Sendable {
    private enum State {
        case silent, rung
        case awaited(CheckedContinuation<Bool, Never>)
    }

    private let state = Mutex(State.silent)

    /// Not rung yet.
    package init() {}

    /// Lets whoever waits go on, or the next one who does. May be called from anywhere and never waits.
    package func ring() {
        let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard case .awaited(let waiter) = state else {
                state = .rung
                return nil
            }
            state = .silent
            return waiter
        }
        waiter?.resume(returning: true)
    }

    /// Returns after a ring; `false` when the task is cancelled. A ring that came too late for that is the next waiter's.
    package func wait() async -> Bool {
        let wasRung = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isRung = state.withLock { state in
                    if case .rung = state {
                        state = .silent
                        return true
                    }
                    state = .awaited(continuation)
                    return false
                }
                if isRung { continuation.resume(returning: true) }
                if Task.isCancelled { dismiss() }
            }
        } onCancel: {
            dismiss()
        }
        guard Task.isCancelled else { return wasRung }
        if wasRung { ring() }
        return false
    }

    private func dismiss() {
        let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard case .awaited(let waiter) = state else { return nil }
            state = .silent
            return waiter
        }
        waiter?.resume(returning: false)
    }
}
