// How a proxy is asked for a connection, and what is told of one that opens none.
import Listeners
import NIOCore
import NIOPosix
import OperatingSystem
import Testing
import Transport
import Trust

@Suite("Connections through a proxy", .timeLimit(.minutes(1)))
struct ProxyTunnelTests {
    /// What a proxy does once it has been asked.
    private enum Answer: Sendable {
        case text(String)
        case nothing
        case end
        /// It passes bytes on to a listener, after it has said a text.
        case tunnel(SocketAddress, String)
    }

    private final class Proxy: Sendable {
        let address: SocketAddress
        private let channel: any Channel
        private let questions: AsyncStream<String>

        init(_ answer: Answer) async throws {
            let (questions, asked) = AsyncStream.makeStream(of: String.self)
            self.questions = questions
            channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Answerer(answer) { asked.yield($0) })
                    }
                }.bind(host: "127.0.0.4", port: 0).get()
            guard let address = channel.localAddress else { throw ChannelError.unknownLocalAddress }
            self.address = address
        }

        func question() async -> String? {
            var iterator = questions.makeAsyncIterator()
            return await iterator.next()
        }

        func close() async throws { try await channel.close() }
    }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let answer: Answer
        private let asked: (String) -> Void
        private var isAnswered = false

        init(_ answer: Answer, asked: @escaping (String) -> Void) {
            self.answer = answer
            self.asked = asked
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !isAnswered else { return context.fireChannelRead(data) }
            isAnswered = true
            asked(String(buffer: unwrapInboundIn(data)))
            switch answer {
            case .nothing: break
            case .end: context.close(promise: nil)
            case .text(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            case .tunnel(let address, let text): join(context.channel, address, text)
            }
        }

        private func join(_ channel: any Channel, _ address: SocketAddress, _ text: String) {
            let loop = channel.eventLoop
            let glue = Glue(
                first: loop, second: loop, closing: [.first, .second], firstEnded: {}, secondEnded: {})
            ClientBootstrap(group: loop)
                .channelInitializer { other in
                    other.eventLoop.makeCompletedFuture {
                        try other.pipeline.syncOperations.addHandler(glue.handler(.second))
                    }
                }
                .connect(to: address).assumeIsolated().whenSuccess { _ in
                    channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
                    _ = channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(glue.handler(.first))
                    }
                }
        }
    }

    private func dial(
        _ proxies: [SocketAddress], user: String = "", timeout: Duration = .seconds(5)
    ) async throws -> any Channel {
        let dial = HostDial(
            HostAndPort(host: "beta.example", port: 3300),
            tls: TLSTerms(trust: .pinned(Sodium.sha256(try Credentials.member.certificateBytes()))), timeout: timeout,
            silence: .probed,
            proxy: .proxy(try OutboundProxy("http://\(user)proxy.example:3128", writtenIn: "HTTPS_PROXY")))
        let hosts = HostDialler(
            group: MultiThreadedEventLoopGroup.singleton, makeResolver: { KnownNames(proxies, on: $0) }, proxies: .none)
        do {
            return try await hosts.connect(dial) { $0 }
        } catch {
            throw DialError(ConnectionFailure.explain(error, dial))
        }
    }

    private func failure(_ answer: Answer, user: String = "", timeout: Duration = .seconds(5)) async throws -> String {
        let proxy = try await Proxy(answer)
        let error = await #expect(throws: DialError.self) {
            try await dial([proxy.address], user: user, timeout: timeout)
        }
        try await proxy.close()
        return try #require(error).description
    }

    @Test("TLS runs end to end with the host behind it, whatever head the answer has")
    func opens() async throws {
        let member = try await Listener(.member, at: "127.0.0.3")
        for head in [
            "HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.0 200 OK\nVia: 1.0 proxy\n\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 299\r\nContent-Length: 7\r\n\r\n",
        ] {
            let proxy = try await Proxy(.tunnel(member.address, head))
            let channel = try await dial([proxy.address], user: "clerk:ses%40me@")
            #expect(
                await proxy.question()
                    == "CONNECT beta.example:3300 HTTP/1.1\r\nHost: beta.example:3300\r\n"
                    + "Proxy-Authorization: Basic Y2xlcms6c2VzQG1l\r\n\r\n")
            try await channel.close()
            try await proxy.close()
        }
        try await member.close()
    }

    @Test("The certificate is still the host's: another one is refused, and the proxy is named with it")
    func pinned() async throws {
        let stranger = try await Listener(.stranger, at: "127.0.0.3")
        let line = try await failure(.tunnel(stranger.address, "HTTP/1.1 200 OK\r\n\r\n"))
        #expect(line.hasPrefix("certificate: it shows another one than the map names"))
        #expect(line.hasSuffix("(through the proxy proxy.example:3128)"))
        try await stranger.close()
    }

    @Test("What comes with the answer is TLS's, not the answer's")
    func rest() async throws {
        let line = try await failure(.text("HTTP/1.1 200 OK\r\n\r\nSSH-2.0-OpenSSH_9.2\r\n"))
        #expect(line == "not an agent: it does not speak TLS (through the proxy proxy.example:3128)")
    }

    @Test("A proxy that opens no connection is named with its answer")
    func refuses() async throws {
        let name = "unreachable: the proxy proxy.example:3128"
        #expect(
            try await failure(.text("HTTP/1.1 403 Forbidden\r\n\r\n"))
                == "\(name) answered 403 Forbidden to CONNECT beta.example:3300")
        #expect(
            try await failure(.text("HTTP/1.1 502 \u{1B}[31mBad\r\n\r\n"))
                == "\(name) answered 502 [31mBad to CONNECT beta.example:3300")
        let wanted = "\(name) answered 407 Who to CONNECT beta.example:3300: it "
        let form = "http://user:password@proxy.example:3128"
        #expect(
            try await failure(.text("HTTP/1.1 407 Who\r\n\r\n"))
                == wanted + "wants a user and a password; write them as \(form) into HTTPS_PROXY")
        #expect(
            try await failure(.text("HTTP/1.1 407 Who\r\n\r\n"), user: "clerk:sesame@")
                == wanted + "does not take the user and the password in HTTPS_PROXY")
    }

    @Test("So is one that ends, speaks something else, says too much, or nothing")
    func breaks() async throws {
        let name = "unreachable: the proxy proxy.example:3128"
        #expect(
            try await failure(.end) == "\(name) closed the connection without an answer to CONNECT beta.example:3300")
        for text in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 yes\r\n\r\n", "\u{15}\u{03}"] {
            #expect(
                try await failure(.text(text))
                    == "\(name) is none: it does not answer CONNECT beta.example:3300 by HTTP")
        }
        let long = "HTTP/1.1 200 OK\r\nx: " + String(repeating: "x", count: 16 << 10) + "\r\n\r\n"
        #expect(
            try await failure(.text(long))
                == "\(name) answered CONNECT beta.example:3300 with a head of more than 16384 bytes")
        for answer in [Answer.nothing, .text("HTTP/1.1 200 OK\r\n")] {
            #expect(
                try await failure(answer, timeout: .milliseconds(300))
                    == "\(name) gave no answer to CONNECT beta.example:3300")
        }
    }

    @Test("A proxy that is not there is named with the reason, and its addresses where they have different ones")
    func notThere() async throws {
        let refusing = try await Listener(.refusing, at: "127.0.0.2")
        let proxy = try await Proxy(.text("HTTP/1.1 403 Forbidden\r\n\r\n"))
        let name = "unreachable: the proxy proxy.example:3128"
        for (addresses, line) in [
            ([], "\(name) cannot be reached: its name is not known"),
            ([refusing.address], "\(name) cannot be reached: Connection refused"),
            (
                [refusing.address, proxy.address],
                "\(name) cannot be reached: Connection refused (127.0.0.2); "
                    + "\(name) answered 403 Forbidden to CONNECT beta.example:3300 (127.0.0.4)"
            ),
        ] {
            let error = await #expect(throws: DialError.self) { try await dial(addresses) }
            #expect(try #require(error).description == line)
        }
        try await proxy.close()
    }
}
