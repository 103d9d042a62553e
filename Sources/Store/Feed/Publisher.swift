// The state after the last commit, as everyone but the writer sees it, and the feeds.
import Replica
import Synchronization

/// Publishes each commit: first the state, then the feeds, both under one lock, so that all see the same order.
final class Publisher: Sendable {
    private struct State {
        var derived: DerivedState
        var sequence: UInt64 = 0
        var commitCount: UInt64 = 0
        var reopenCount: UInt64 = 0
        var feeds: [UInt64: FeedBuffer] = [:]
        var lastFeedNumber: UInt64 = 0
        var isFinished = false
    }

    struct Counters {
        let valueCount: Int
        let tombstoneCount: Int
        let commitCount: UInt64
        let reopenCount: UInt64
    }

    private let state: Mutex<State>

    init(_ derived: DerivedState) {
        state = Mutex(State(derived: derived))
    }

    /// Of the whole map, and of the audit entries in it.
    var summaries: (whole: MapSummary, audit: MapSummary) {
        state.withLock { ($0.derived.summary, $0.derived.audit) }
    }

    var nextPurge: WallTime? { state.withLock { $0.derived.nextPurge.earliest } }

    var counters: Counters {
        state.withLock { state in
            Counters(
                valueCount: state.derived.valueCount, tombstoneCount: state.derived.tombstoneCount,
                commitCount: state.commitCount, reopenCount: state.reopenCount)
        }
    }

    /// Publishes what one commit made of the state, and tells the feeds where it changed the map.
    func publish(_ derived: DerivedState, groups: [ChangeGroup]) {
        state.withLock { state in
            state.derived = derived
            state.commitCount += 1
            if groups.isEmpty { return }
            state.sequence += 1
            let commit = Commit(sequence: state.sequence, groups: groups)
            for feed in state.feeds.values { feed.append(commit) }
        }
    }

    /// Publishes a state that was read anew from the file.
    func replace(_ derived: DerivedState) {
        state.withLock { state in
            state.derived = derived
            state.reopenCount += 1
            for feed in state.feeds.values { feed.requireRescan() }
        }
    }

    func subscribe(byteCountMax: Int) -> ChangeFeed {
        let buffer = FeedBuffer(byteCountMax: byteCountMax)
        let number = state.withLock { state in
            state.lastFeedNumber += 1
            if state.isFinished { buffer.finish() } else { state.feeds[state.lastFeedNumber] = buffer }
            return state.lastFeedNumber
        }
        return ChangeFeed(subscription: Subscription(buffer: buffer, number: number, publisher: self))
    }

    func unsubscribe(_ number: UInt64) {
        state.withLock { $0.feeds[number] = nil }
    }

    /// Ends the feeds.
    func finish() {
        state.withLock { state in
            state.isFinished = true
            for feed in state.feeds.values { feed.finish() }
            state.feeds.removeAll()
        }
    }
}
