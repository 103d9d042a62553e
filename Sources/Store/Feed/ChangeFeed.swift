// The stream of changes that a subscriber iterates over.

/// The changes committed after subscribing, in order. It ends when the store is closed or the task is cancelled.
///
/// One task at a time iterates. The subscription ends with the last copy of the feed and its iterators.
package struct ChangeFeed: AsyncSequence, Sendable {
    /// Commits, and now and then the demand to read the map again.
    package typealias Element = ChangeEvent
    /// It only ends; it never fails.
    package typealias Failure = Never

    /// Default for the bytes that wait for a subscriber before it is told to rescan.
    package static let bufferedByteCountMax = 8 << 20

    let subscription: Subscription

    /// Copies of it read from the same buffer: each event goes to one of them.
    package struct AsyncIterator: AsyncIteratorProtocol {
        let subscription: Subscription

        /// Waits for the next event; nil at the end of the feed, or when the task is cancelled.
        package mutating func next() async -> ChangeEvent? { await subscription.buffer.next() }

        /// The same, whatever actor the caller is on.
        package mutating func next(isolation actor: isolated (any Actor)?) async -> ChangeEvent? {
            await subscription.buffer.next()
        }
    }

    /// All iterators of a feed share what has not been read yet.
    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(subscription: subscription) }
}

/// Ends the subscription when nobody holds it any more.
final class Subscription: Sendable {
    let buffer: FeedBuffer
    private let number: UInt64
    private let publisher: Publisher

    init(buffer: FeedBuffer, number: UInt64, publisher: Publisher) {
        self.buffer = buffer
        self.number = number
        self.publisher = publisher
    }

    deinit {
        publisher.unsubscribe(number)
        buffer.discard()
    }
}
