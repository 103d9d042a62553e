// How an external member takes leave of the members that are linked to it.
import Gateway
import NIOCore
import Synchronization
import TestSupport
import Testing

@Suite("The external member's end of the relay")
struct RelayExchangeTests {
    private final class Order: Sendable {
        private let steps = Mutex<[String]>([])

        var all: [String] { steps.withLock { $0 } }
        func add(_ step: String) { steps.withLock { $0.append(step) } }
    }

    @Test("Draining lasts until every member has been told")
    func drain() async throws {
        let exchange = RelayExchange { _ in }
        let links = try ["one", "two"].map { try exchange.openLink($0, lastEventID: nil, hasFullKey: true) }
        let order = Order()
        let draining = Task {
            await exchange.drain(within: .seconds(3_600))
            order.add("drained")
        }
        for (id, output) in links {
            var last = ""
            for await text in output { last = String(buffer: text) }
            order.add(last)
            exchange.closeLink(id, detail: "it was closed here")
        }
        await draining.value
        #expect(order.all.count == 3 && order.all.prefix(2).allSatisfy { $0.contains("event: drain") })
        #expect(order.all.last == "drained")
    }

    @Test("A member that takes nothing does not hold up the end of draining")
    func stalled() async throws {
        let exchange = RelayExchange { _ in }
        _ = try exchange.openLink("one", lastEventID: nil, hasFullKey: true)
        await exchange.drain(within: .milliseconds(1))
        #expect(throws: (any Error).self) { try exchange.openLink("two", lastEventID: nil, hasFullKey: true) }
    }

    @Test("Where nobody is linked, draining ends at once")
    func nobody() async { await RelayExchange { _ in }.drain(within: .seconds(3_600)) }
}
