// The timer of an engine on an event loop whose time the test makes pass.
import NIOCore
import NIOEmbedded
import Synchronization
import Testing
import Transport

@Suite("The timer of an engine")
struct EventLoopTimerTests {
    /// The time of the engine's deadlines, and how often the timer has called.
    private final class Watch: Sendable {
        private let state = Mutex((now: Duration.zero, count: 0))

        var now: Duration { state.withLock { $0.now } }
        var count: Int { state.withLock { $0.count } }
        func pass(_ time: Duration) { state.withLock { $0.now += time } }
        func ring() { state.withLock { $0.count += 1 } }
    }

    private func makeTimer(_ loop: NIOAsyncTestingEventLoop, leeway: Duration = .zero) -> (EventLoopTimer, Watch) {
        let watch = Watch()
        let timer = EventLoopTimer(loop, leeway: leeway) { watch.now }
        timer.onDue { watch.ring() }
        return (timer, watch)
    }

    private func pass(_ milliseconds: Int64, _ watch: Watch, _ loop: NIOAsyncTestingEventLoop) async {
        watch.pass(.milliseconds(milliseconds))
        await loop.advanceTime(by: .milliseconds(milliseconds))
    }

    @Test("It calls once, when the deadline has come")
    func once() async {
        let loop = NIOAsyncTestingEventLoop()
        let (timer, watch) = makeTimer(loop)
        await pass(500, watch, loop)
        timer.set(.milliseconds(1_500))
        await pass(999, watch, loop)
        #expect(watch.count == 0)
        await pass(1, watch, loop)
        #expect(watch.count == 1)
        await pass(100_000, watch, loop)
        #expect(watch.count == 1)
        await loop.shutdownGracefully()
    }

    @Test("A later setting takes the place of an earlier one, and may take it back")
    func replaced() async {
        let loop = NIOAsyncTestingEventLoop()
        let (timer, watch) = makeTimer(loop)
        timer.set(.milliseconds(1_000))
        timer.set(.milliseconds(100))
        await pass(100, watch, loop)
        #expect(watch.count == 1)
        timer.set(.milliseconds(1_000))
        timer.set(nil)
        await pass(5_000, watch, loop)
        #expect(watch.count == 1)
        await loop.shutdownGracefully()
    }

    @Test("What has come already is called for soon, and deadlines close to each other at one time")
    func leeway() async {
        let loop = NIOAsyncTestingEventLoop()
        let (timer, watch) = makeTimer(loop, leeway: .milliseconds(250))
        await pass(600, watch, loop)
        timer.set(.milliseconds(510))
        await pass(149, watch, loop)
        #expect(watch.count == 0)
        await pass(1, watch, loop)
        #expect(watch.count == 1)
        timer.set(.milliseconds(250))
        await pass(1, watch, loop)
        #expect(watch.count == 2)
        await loop.shutdownGracefully()
    }
}
