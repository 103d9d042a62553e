// The events that wait for one subscriber. The writer never waits for it.
import Synchronization

/// Between the writer, which puts commits in, and one subscriber, who takes events out.
final class FeedBuffer: Sendable {
    typealias Waiter = CheckedContinuation<ChangeEvent?, Never>

    private struct State {
        var commits: [Commit] = []
        /// Commits before this index were taken.
        var head = 0
        var byteCount = 0
        var mustRescan = false
        var isFinished = false
        var waiter: Waiter?

        mutating func drop() {
            commits.removeAll()
            head = 0
            byteCount = 0
        }

        /// The next event, or nil where there is none yet.
        mutating func take() -> ChangeEvent? {
            if mustRescan {
                mustRescan = false
                return .rescan
            }
            guard head < commits.count else { return nil }
            let commit = commits[head]
            head += 1
            byteCount -= commit.byteCount
            if head == commits.count { commits.removeAll(keepingCapacity: commits.count <= 64); head = 0 }
            if head > 64, head * 2 > commits.count {
                commits.removeFirst(head)
                head = 0
            }
            return .commit(commit)
        }
    }

    private let state = Mutex(State())
    private let byteCountMax: Int

    init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

    /// Adds a commit, or drops everything and asks for a rescan where that would be over the limit.
    func append(_ commit: Commit) {
        resume { state in
            if state.isFinished || state.mustRescan { return }
            state.commits.append(commit)
            state.byteCount += commit.byteCount
            if state.byteCount > byteCountMax, state.waiter == nil {
                state.drop()
                state.mustRescan = true
            }
        }
    }

    func requireRescan() {
        resume { state in
            state.drop()
            state.mustRescan = true
        }
    }

    /// Ends the feed after what it holds.
    func finish() {
        let waiter = state.withLock { state in
            state.isFinished = true
            return state.waiter.take()
        }
        waiter?.resume(returning: nil)
    }

    /// Forgets everything: the subscriber has gone.
    func discard() {
        let waiter = state.withLock { state in
            state.drop()
            state.mustRescan = false
            state.isFinished = true
            return state.waiter.take()
        }
        waiter?.resume(returning: nil)
    }

    /// The next event; nil at the end of the feed, or when the task is cancelled.
    func next() async -> ChangeEvent? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: Waiter) in
                let (event, ended): (ChangeEvent??, Waiter?) = state.withLock { state in
                    if let event = state.take() { return (.some(event), nil) }
                    if state.isFinished || Task.isCancelled { return (.some(nil), nil) }
                    let former = state.waiter.take()
                    state.waiter = waiter
                    return (nil, former)
                }
                // One task at a time iterates; a second one ends the wait of the first.
                ended?.resume(returning: nil)
                if let event { waiter.resume(returning: event) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiter.take() }
            waiter?.resume(returning: nil)
        }
    }

    /// Changes the state, then hands a waiting subscriber the next event.
    private func resume(_ change: (inout State) -> Void) {
        let (waiter, event): (Waiter?, ChangeEvent?) = state.withLock { state in
            change(&state)
            guard state.waiter != nil, let event = state.take() else { return (nil, nil) }
            return (state.waiter.take(), event)
        }
        waiter?.resume(returning: event)
    }
}
