// A bell wakes whoever waits, and no ring is lost with a waiter who was told to stop.
import OperatingSystem
import Testing

@Suite("A bell")
struct BellTests {
    @Test("A ring before the wait counts, once")
    func earlier() async {
        let bell = Bell()
        bell.ring()
        bell.ring()
        #expect(await bell.wait())
        let waiting = Task { await bell.wait() }
        bell.ring()
        #expect(await waiting.value)
    }

    @Test("A cancelled waiter leaves the ring to the next one")
    func cancelled() async {
        let bell = Bell()
        let cancelled = Task {
            // Cancelled before it looks.
            while !Task.isCancelled { await Task.yield() }
            return await bell.wait()
        }
        bell.ring()
        cancelled.cancel()
        #expect(await cancelled.value == false)
        #expect(await bell.wait())
    }

    @Test("Who is cancelled while he waits goes on, with no ring")
    func whileWaiting() async {
        let bell = Bell()
        let waiting = Task { await bell.wait() }
        waiting.cancel()
        #expect(await waiting.value == false)
    }
}
