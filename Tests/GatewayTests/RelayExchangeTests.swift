// An external member's links and connections: when it looks at the clock, in which order it speaks, how it takes leave.
import Gateway
import NIOCore
import Relay
import Replica
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

    /// Nobody is given up because other tests keep the processors busy.
    private static let patient = {
        var settings = RelaySettings()
        settings.silence = .seconds(3_600)
        settings.linkTime = .seconds(3_600)
        settings.dialTime = .seconds(3_600)
        return settings
    }()

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

    @Test("Without links and without anybody who waits, no timer is set", .timeLimit(.minutes(1)))
    func noTimer() async throws {
        var settings = RelaySettings()
        settings.silence = .milliseconds(10)
        settings.resumeTime = .milliseconds(10)
        let exchange = RelayExchange(settings: settings) { _ in }
        exchange.end("no stream", by: "one")
        #expect(exchange.nextTick == nil)
        let (id, output) = try exchange.openLink("one", lastEventID: nil, hasFullKey: true)
        #expect(exchange.nextTick != nil)
        // Nothing is heard of it: it is closed, and forgotten by the ticks that follow.
        for await _ in output {}
        exchange.closeLink(id, detail: "it was closed here")
        // Nobody is told of that. While a tick's effects are performed the timer is not set again yet.
        while !exchange.statuses.isEmpty || exchange.nextTick != nil { try await Task.sleep(for: .milliseconds(10)) }
    }

    @Test("Links are kept by the clock without anybody who asks for it")
    func heartbeats() async throws {
        var settings = Self.patient
        settings.heartbeat = .milliseconds(1)
        let exchange = RelayExchange(settings: settings) { _ in }
        let (_, output) = try exchange.openLink("one", lastEventID: nil, hasFullKey: true)
        var heartbeats = 0
        for await text in output where String(buffer: text).hasPrefix(":") {
            heartbeats += 1
            if heartbeats == 3 { break }
        }
        #expect(heartbeats == 3)
    }

    @Test("Whoever is told of a link may ask for all of them")
    func observer() throws {
        let order = Order()
        let known = Mutex<RelayExchange?>(nil)
        let exchange = RelayExchange { report in
            guard let exchange = known.withLock({ $0 }) else { return }
            order.add("\(report): \(exchange.linkedMembers.map(\.text).sorted())")
        }
        known.withLock { $0 = exchange }
        let (id, _) = try exchange.openLink("one", lastEventID: nil, hasFullKey: true)
        exchange.closeLink(id, detail: "cut")
        known.withLock { $0 = nil }
        #expect(order.all.count == 2 && order.all.first?.contains("one") == true)
        #expect(order.all.last?.hasSuffix("[]") == true)
    }

    @Test("What many streams say at once goes out in the order of its numbers, and each stream's bytes in theirs")
    func ordered() async throws {
        let exchange = RelayExchange(settings: Self.patient) { _ in }
        let (streamCount, chunkCount) = (8, 60)
        let (_, output) = try exchange.openLink("one", lastEventID: nil, hasFullKey: true)
        var lastNumber: UInt64?
        var counts: [String: UInt64] = [:]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<streamCount {
                group.addTask {
                    let channel = try await exchange.connect(to: "one")
                    for chunk in 0..<chunkCount {
                        try await channel.writeAndFlush(ByteBuffer(repeating: UInt8(chunk), count: 1_000))
                    }
                }
            }
            for await text in output {
                let event = try SentEvent(text)
                if let number = event.number {
                    if let lastNumber { #expect(number == lastNumber + 1) }
                    lastNumber = number
                }
                switch event.event {
                case .dial(let nonce): group.addTask { _ = try await exchange.carry(nonce, by: "one") }
                case .data(let stream, let offset, let bytes):
                    #expect(offset == counts[stream, default: 0])
                    counts[stream] = offset + UInt64(bytes.count)
                default: break
                }
                if counts.values.reduce(0, +) == UInt64(streamCount * chunkCount * 1_000) { break }
            }
            try await group.waitForAll()
        }
        #expect(counts.count == streamCount)
        for stream in counts.keys { exchange.end(stream, by: "one") }
    }

    @Test("Bytes that many requests bring for one stream arrive in the order in which they were taken")
    func delivered() async throws {
        let exchange = RelayExchange(settings: Self.patient) { _ in }
        let (_, output) = try exchange.openLink("one", lastEventID: nil, hasFullKey: true)
        let connecting = Task { try await exchange.connect(to: "one") }
        var events = output.makeAsyncIterator()
        var found: String?
        while found == nil, let text = await events.next() {
            if case .dial(let nonce) = try SentEvent(text).event { found = nonce }
        }
        let stream = try await exchange.carry(try #require(found), by: "one")
        let channel = try await connecting.value
        let collector = Collector()
        try await channel.pipeline.addHandler(collector)
        let partCount = 200
        let turns = Turns()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    while turns.take(
                        of: partCount,
                        { part in
                            let bytes = [UInt8](repeating: UInt8(part), count: 100)
                            try? exchange.take(bytes, at: UInt64(part * 100), confirming: 0, over: stream, from: "one")
                        })
                    {
                        // Whoever performs effects meanwhile performs the other ones' too.
                        exchange.end("another stream", by: "one")
                    }
                }
            }
        }
        var bytes: [UInt8] = []
        for await more in collector.taken {
            bytes += more
            if bytes.count >= partCount * 100 { break }
        }
        #expect(bytes == (0..<partCount).flatMap { [UInt8](repeating: UInt8($0), count: 100) })
        exchange.end(stream, by: "one")
    }
}

/// Whose turn it is, as the network has it: parts of a stream are brought by many, but one after the other.
private final class Turns: Sendable {
    private let next = Mutex(0)

    func take(of count: Int, _ body: (Int) -> Void) -> Bool {
        next.withLock { part in
            guard part < count else { return false }
            body(part)
            part += 1
            return true
        }
    }
}

/// Hands on what comes over a connection.
private final class Collector: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    let taken: AsyncStream<[UInt8]>
    private let continuation: AsyncStream<[UInt8]>.Continuation

    init() { (taken, continuation) = AsyncStream.makeStream() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        continuation.yield(Array(buffer: unwrapInboundIn(data)))
    }
}

/// An event as it goes out.
private struct SentEvent {
    var event: RelayEvent?
    var number: UInt64?

    init(_ text: ByteBuffer) throws {
        var parser = EventStreamParser(byteCountMax: RelayEvent.byteCountMax)
        guard case .event(let id, let name, let data)? = try parser.parse(text.readableBytesView).first else { return }
        event = try RelayEvent(name: name, data: data)
        // A reset tells the number before the first one.
        number = id.flatMap { UInt64($0.split(separator: "-").last ?? "") }
    }
}
