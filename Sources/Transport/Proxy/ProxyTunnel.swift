// Channel handler that asks a proxy for a connection to another host, before anything else is spoken.
import NIOCore
import OperatingSystem

/// Sends CONNECT as soon as the proxy is connected to, and keeps from the handlers behind it that it is until it has
/// answered that the connection is there. All that follows its answer is theirs.
final class ProxyTunnel: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum TunnelStage {
        case connecting, asked, open, failed
    }

    private let proxy: OutboundProxy
    private let destination: HostAndPort
    private var stage = TunnelStage.connecting
    private var answer = ByteBuffer()
    /// What is told that the proxy opens no connection.
    private var hasFailed: ((ProxyFailure) -> Void)?

    /// What a proxy may say before its answer ends: as much as servers take of a request.
    static let headByteCountMax = 16 << 10
    /// Of the words that a proxy chose.
    private static let phraseByteCountMax = 100

    init(_ proxy: OutboundProxy, to destination: HostAndPort) {
        self.proxy = proxy
        self.destination = destination
    }

    /// What is told that the proxy opens no connection. On the event loop.
    func onFailure(_ hasFailed: @escaping (ProxyFailure) -> Void) { self.hasFailed = hasFailed }

    /// The same error with the name of the proxy, where it is the proxy's.
    func naming(_ error: any Error) -> any Error {
        switch (stage, error) {
        case (.open, _), (_, is CancellationError), (_, is ProxyFailure): return error
        case (.connecting, let error): return failure(.unreachable(ConnectionFailure.words(of: error)))
        case (.asked, ChannelError.connectTimeout): return failure(.silent)
        case (.asked, _), (.failed, _): return failure(.closed)
        }
    }

    private func failure(_ reason: ProxyFailure.Reason) -> ProxyFailure {
        ProxyFailure(proxy: proxy, destination: destination, reason: reason)
    }

    func channelActive(context: ChannelHandlerContext) {
        stage = .asked
        var question = "CONNECT \(destination) HTTP/1.1\r\nHost: \(destination)\r\n"
        if let authorization = proxy.authorization { question += "Proxy-Authorization: \(authorization)\r\n" }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: question + "\r\n")), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch stage {
        case .open: context.fireChannelRead(data)
        case .asked:
            answer.writeImmutableBuffer(unwrapInboundIn(data))
            readAnswers(context)
        case .connecting, .failed: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if stage == .asked { fail(context, .closed) }
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { hasFailed = nil }

    private func fail(_ context: ChannelHandlerContext, _ reason: ProxyFailure.Reason) {
        stage = .failed
        hasFailed?(failure(reason))
        context.close(promise: nil)
    }

    /// Reads heads until one is the answer: interim ones may come before it.
    private func readAnswers(_ context: ChannelHandlerContext) {
        while true {
            let known = answer.readableBytesView
            guard known.starts(with: Self.protocolName.prefix(known.count)) else { return fail(context, .notHTTP) }
            guard let length = Self.headLength(known.prefix(Self.headByteCountMax)) else {
                if known.count >= Self.headByteCountMax { fail(context, .longAnswer) }
                return
            }
            guard let head = answer.readString(length: length), let (status, phrase) = Self.statusLine(head) else {
                return fail(context, .notHTTP)
            }
            switch status {
            case 100...199: continue
            case 200...299: return open(context)
            default: return fail(context, .refused(status: status, phrase: phrase))
            }
        }
    }

    private func open(_ context: ChannelHandlerContext) {
        stage = .open
        hasFailed = nil
        let rest = answer
        answer = ByteBuffer()
        context.fireChannelActive()
        if rest.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(rest))
            context.fireChannelReadComplete()
        }
    }

    private static let protocolName = Array("HTTP/1.".utf8)

    /// Up to and with the empty line.
    private static func headLength(_ bytes: some Collection<UInt8>) -> Int? {
        var isLineEmpty = false
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "\n"):
                if isLineEmpty { return index + 1 }
                isLineEmpty = true
            case UInt8(ascii: "\r"): break
            default: isLineEmpty = false
            }
        }
        return nil
    }

    private static func statusLine(_ head: String) -> (status: Int, phrase: String)? {
        let line = head.prefix { !$0.isNewline }
        let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count >= 2, words[1].utf8.count == 3, let status = Int(words[1]), (100...599).contains(status)
        else { return nil }
        let phrase = words.count > 2 ? words[2].utf8.filter { (0x20...0x7E).contains($0) } : []
        return (status, String(decoding: phrase.prefix(phraseByteCountMax), as: UTF8.self))
    }
}
