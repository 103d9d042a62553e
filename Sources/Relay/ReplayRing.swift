// The latest events for one member, for a link that takes over where another one broke.
import DequeModule

/// A bounded number of events, each with its number.
package struct ReplayRing: Sendable {
    private var events: Deque<(number: UInt64, event: RelayEvent, byteCount: Int)> = []
    /// Of the events kept: the bytes of streams, and 64 for each event.
    package private(set) var byteCount = 0
    private let countMax: Int
    private let byteCountMax: Int
    /// The number of the latest event.
    package private(set) var last: UInt64

    /// - Parameter last: The number before the first one.
    package init(countMax: Int, byteCountMax: Int, after last: UInt64 = 0) {
        self.countMax = countMax
        self.byteCountMax = byteCountMax
        self.last = last
    }

    /// Events kept.
    package var count: Int { events.count }

    /// Forgets all events, and that whoever had all of them had missed nothing: none of the numbers so far is known.
    package mutating func clear() {
        events = []
        byteCount = 0
        last += 1
    }

    /// Keeps one more event; the oldest ones go where there is no room. Returns its number.
    package mutating func append(_ event: RelayEvent) -> UInt64 {
        last += 1
        let size = Self.byteCount(of: event)
        events.append((last, event, size))
        byteCount += size
        while events.count > countMax || byteCount > byteCountMax, let oldest = events.popFirst() {
            byteCount -= oldest.byteCount
        }
        return last
    }

    /// Forgets what the member is known to have.
    package mutating func forget(upTo number: UInt64) {
        while let oldest = events.first, oldest.number <= number {
            byteCount -= oldest.byteCount
            events.removeFirst()
        }
    }

    /// What came after a number; nil where that is not known any more, or never was.
    package func events(after number: UInt64) -> [(number: UInt64, event: RelayEvent)]? {
        guard number <= last else { return nil }
        let first = events.first?.number ?? last + 1
        guard number + 1 >= first else { return nil }
        return events.filter { $0.number > number }.map { ($0.number, $0.event) }
    }

    private static func byteCount(of event: RelayEvent) -> Int {
        if case .data(_, _, let bytes) = event { return bytes.count + 64 }
        return 64
    }
}
