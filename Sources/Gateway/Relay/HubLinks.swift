// The event streams of an external member's links: what is to be sent over each, and which have not ended.
import NIOCore
import Relay
import Synchronization

/// One output for each link. Nothing is called while the lock is held.
final class HubLinks: Sendable {
    private struct State {
        var outputs: [HubLinkID: AsyncStream<ByteBuffer>.Continuation] = [:]
        /// Links whose streams of events have not ended, which they do after their outputs.
        var served: Set<HubLinkID> = []
        /// Finished at the end of all of them.
        var isDrained: AsyncStream<Void>.Continuation?
    }

    private let state = Mutex(State())

    /// Events that may wait for a link's connection; one that takes no more is dead.
    private static let countMax = 4_096

    func open(_ link: HubLinkID) -> AsyncStream<ByteBuffer> {
        let (output, continuation) = AsyncStream<ByteBuffer>.makeStream(
            bufferingPolicy: .bufferingOldest(Self.countMax))
        state.withLock { state in
            state.outputs[link] = continuation
            state.served.insert(link)
        }
        return output
    }

    func write(_ text: [UInt8], to link: HubLinkID) {
        guard let output = state.withLock({ $0.outputs[link] }) else { return }
        if case .enqueued = output.yield(ByteBuffer(bytes: text)) { return }
        finish(link)
    }

    /// Nothing more is to be sent.
    func finish(_ link: HubLinkID) { state.withLock { $0.outputs.removeValue(forKey: link) }?.finish() }

    /// A link's stream of events has ended.
    func ended(_ link: HubLinkID) {
        let isDrained = state.withLock { state in
            state.outputs[link] = nil
            state.served.remove(link)
            return state.served.isEmpty ? state.isDrained.take() : nil
        }
        isDrained?.finish()
    }

    /// Waits for the end of all links.
    func allEnded(within limit: Duration) async {
        let (end, isDrained) = AsyncStream<Void>.makeStream()
        let isOver = state.withLock { state in
            if !state.served.isEmpty { state.isDrained = isDrained }
            return state.served.isEmpty
        }
        guard !isOver else { return }
        let timer = Task {
            try await Task.sleep(for: limit)
            isDrained.finish()
        }
        for await _ in end {}
        timer.cancel()
    }
}
