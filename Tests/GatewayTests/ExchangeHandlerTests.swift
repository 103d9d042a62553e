// Questions and answers on one connection to another member: whole, bit by bit, given up, and late.
import Gateway
import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Synchronization
import Testing

/// A connection whose other end is the test.
private final class Connection: Sendable {
    let channel: NIOAsyncTestingChannel
    let handler: NIOLoopBound<ExchangeHandler>
    let idleCount = Atomic(0)

    init() async throws {
        let channel = NIOAsyncTestingChannel()
        self.channel = channel
        handler = try await channel.testingEventLoop.executeInContext {
            let handler = ExchangeHandler()
            try channel.pipeline.syncOperations.addHandler(handler)
            return NIOLoopBound(handler, eventLoop: channel.eventLoop)
        }
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
    }

    /// Asks, and lets the parts come in one read.
    func ask(_ parts: HTTPResponsePart...) async throws -> MemberAnswer {
        let answer = try await ask()
        try await read(parts)
        return try await answer.value
    }

    /// Asks; returns once the question is written.
    func ask() async throws -> Task<MemberAnswer, any Error> {
        let head = HTTPRequest(method: .get, scheme: "https", authority: "m", path: "/")
        let answer = Task {
            try await withCheckedThrowingContinuation { answer in
                channel.eventLoop.execute { [self] in
                    handler.value.ask(
                        .init(head: head, body: ByteBuffer(), answerTime: .seconds(9), answer: answer) { [self] in
                            idleCount.add(1, ordering: .relaxed)
                        })
                }
            }
        }
        guard case .head = try await channel.waitForOutboundWrite(as: HTTPRequestPart.self),
            case .end = try await channel.waitForOutboundWrite(as: HTTPRequestPart.self)
        else { throw ChannelError.inappropriateOperationForState }
        return answer
    }

    func read(_ parts: [HTTPResponsePart]) async throws {
        try await channel.testingEventLoop.executeInContext { [channel] in
            for part in parts { channel.pipeline.fireChannelRead(part) }
            channel.pipeline.fireChannelReadComplete()
        }
    }
}

/// Counts what the connection would read.
private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = Never

    final class Count: Sendable {
        let value = Atomic(0)
    }

    let count = Count()

    func read(context: ChannelHandlerContext) {
        count.value.add(1, ordering: .relaxed)
        context.read()
    }
}

extension HTTPResponsePart {
    fileprivate static func ok(_ fields: HTTPFields = [:]) -> Self { .head(.init(status: .ok, headerFields: fields)) }
    fileprivate static func text(_ text: String) -> Self { .body(ByteBuffer(string: text)) }
}

@Suite("Exchanges with a member")
struct ExchangeHandlerTests {
    @Test("What comes in one read is handed over whole, and the connection is ready")
    func whole() async throws {
        let connection = try await Connection()
        for round in 1...2 {
            let answer = try await connection.ask(
                .head(.init(status: .init(code: 103))), .ok(), .text("a"), .text("b"), .end(nil))
            guard case .whole(let body) = answer.body else { throw ChannelError.inappropriateOperationForState }
            #expect(answer.head.status == .ok && String(buffer: body) == "ab")
            #expect(connection.idleCount.load(ordering: .relaxed) == round && connection.channel.isActive)
        }
    }

    @Test("A body that comes later is a stream, and who gives it up late closes nothing")
    func stream() async throws {
        let connection = try await Connection()
        let answer = try await connection.ask(.ok(), .text("a"))
        guard case .parts(let parts, let abandon) = answer.body else {
            throw ChannelError.inappropriateOperationForState
        }
        try await connection.read([.text("b"), .end(nil)])
        var text = ""
        for try await part in parts { text += String(buffer: part) }
        #expect(text == "ab" && connection.idleCount.load(ordering: .relaxed) == 1)
        let next = try await connection.ask(.ok())
        abandon()
        try await connection.read([])
        #expect(connection.channel.isActive)
        guard case .parts(_, let abandonNext) = next.body else { throw ChannelError.inappropriateOperationForState }
        abandonNext()
        try await connection.channel.closeFuture.get()
    }

    @Test("A connection is not read on while nobody takes what has come")
    func backPressure() async throws {
        let connection = try await Connection()
        let answer = try await connection.ask(.ok())
        guard case .parts(let parts, _) = answer.body else { throw ChannelError.inappropriateOperationForState }
        let readCount = try await connection.channel.testingEventLoop.executeInContext {
            [channel = connection.channel] in
            let counter = ReadCounter()
            try channel.pipeline.syncOperations.addHandler(counter, position: .first)
            return counter.count
        }
        try await connection.read((1...10).map { .text("\($0)") })
        try await connection.channel.testingEventLoop.executeInContext { [channel = connection.channel] in
            channel.read()
        }
        #expect(readCount.value.load(ordering: .relaxed) == 0)
        let iterator = parts.makeAsyncIterator()
        for _ in 1...10 { _ = try await iterator.next() }
        try await connection.read([.end(nil)])
        #expect(readCount.value.load(ordering: .relaxed) == 1)
        #expect(try await iterator.next() == nil)
    }

    @Test("An answer that does not begin in time ends the connection")
    func late() async throws {
        let connection = try await Connection()
        let answer = try await connection.ask()
        await connection.channel.testingEventLoop.advanceTime(by: .seconds(10))
        await #expect(throws: ChannelError.inputClosed) { try await answer.value }
        #expect(!connection.channel.isActive)
    }

    @Test("Whoever says so is asked nothing more, nor is one who answers unasked")
    func ends() async throws {
        let closing = try await Connection()
        _ = try await closing.ask(.ok([.connection: "close"]), .end(nil))
        #expect(!closing.channel.isActive && closing.idleCount.load(ordering: .relaxed) == 0)
        let unasked = try await Connection()
        try await unasked.read([.ok()])
        #expect(!unasked.channel.isActive)
    }
}
