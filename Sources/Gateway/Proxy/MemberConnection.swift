// One kept connection to another member: requests one after the other.
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// A connection. It is used by one request at a time.
final class MemberConnection: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<ExchangeHandler>

    private init(_ channel: any Channel, _ handler: NIOLoopBound<ExchangeHandler>) {
        self.channel = channel
        self.handler = handler
    }

    var isOpen: Bool { channel.isActive }

    func isOn(_ loop: any EventLoop) -> Bool { channel.eventLoop === loop }

    static func open(
        _ target: MemberTarget, _ dialler: MemberDialler, on loop: (any EventLoop)?
    ) async throws -> MemberConnection {
        try await dialler.connect(target, on: loop) { channel in
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
            try pipeline.addHandler(HTTP1ToHTTPClientCodec())
            let handler = ExchangeHandler()
            try pipeline.addHandler(handler)
            return MemberConnection(channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
        }
    }

    /// The answer to a request; one that does not begin in time ends the connection.
    /// So does the end of the task that asks.
    ///
    /// - Parameter isIdle: Is called once the connection is ready for another request.
    func send(
        _ head: HTTPRequest, _ body: ByteBuffer, _ answerTime: Duration, isIdle: @escaping @Sendable () -> Void
    ) async throws -> MemberAnswer {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { answer in
                let question = ExchangeHandler.Question(
                    head: head, body: body, answerTime: answerTime, answer: answer, isIdle: isIdle)
                handler.run { $0.ask(question) }
            }
        } onCancel: {
            close()
        }
    }

    func close() { channel.close(promise: nil) }
}
