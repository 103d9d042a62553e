// Listeners on the loopback device that behave as whatever may be found at an address of a name.
package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

/// What is found at an address.
package enum Behaviour: Sendable {
    /// Whoever connects hears nothing, not even that the connection is there.
    case dead
    case refusing
    /// It accepts connections and says nothing.
    case mute
    /// It closes connections as soon as they are there.
    case closing
    /// It speaks before TLS could.
    case talking
    /// It does TLS with another certificate and answers 404.
    case stranger
    /// It does TLS with another certificate and answers nothing.
    case silentStranger
    /// As `member`, but without authenticated encryption.
    case weakMember
    /// As `member`, but with a TLS that has been given up.
    case oldMember
    /// As `member`, but it does nothing until somebody else has been tried.
    case slowMember
    /// It does TLS, upgrades to WebSockets, and answers 200 to everything else.
    case member

    /// Those that no link comes about with.
    package static let wrong: [Behaviour] = [
        .dead, .refusing, .mute, .closing, .talking, .stranger, .silentStranger, .weakMember, .oldMember,
    ]
}

/// One of them, on a port of its own.
package final class Listener: Sendable {
    package let address: SocketAddress
    /// A connection that was accepted, of those that say nothing themselves.
    package let accepted: AsyncStream<any Channel>
    private let channels: [any Channel]

    package init(_ behaviour: Behaviour, at host: String) async throws {
        let (accepted, found) = AsyncStream.makeStream(of: (any Channel).self)
        self.accepted = accepted
        let group = MultiThreadedEventLoopGroup.singleton
        let backlog: Int32 = behaviour == .dead ? 0 : 16
        let server = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: backlog)
            .serverChannelOption(.autoRead, value: behaviour != .dead)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    found.yield(channel)
                    try behaviour.initialize(channel)
                }
            }.bind(host: host, port: 0).get()
        guard let address = server.localAddress else { throw ChannelError.unknownLocalAddress }
        self.address = address
        switch behaviour {
        case .refusing:
            try await server.close()
            channels = []
        case .dead:
            // The one that fits into the queue of those to be accepted: the system drops what comes after it.
            channels = [try await ClientBootstrap(group: group).connect(to: address).get(), server]
        case .mute, .closing, .talking, .stranger, .silentStranger, .weakMember, .oldMember, .slowMember, .member:
            channels = [server]
        }
    }

    package func close() async throws {
        for channel in channels { try await channel.close() }
    }
}

extension Behaviour {
    fileprivate func initialize(_ channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        switch self {
        case .dead, .refusing, .mute: break
        case .closing: channel.close(promise: nil)
        case .talking: try pipeline.addHandler(Talker("SSH-2.0-OpenSSH_9.2\r\n", at: .once))
        case .stranger:
            try pipeline.addHandler(NIOSSLServerHandler(context: Credentials.stranger.context()))
            try pipeline.addHandler(Talker("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", at: .request))
        case .silentStranger: try pipeline.addHandler(NIOSSLServerHandler(context: Credentials.stranger.context()))
        case .slowMember:
            try channel.syncOptions?.setOption(.autoRead, value: false)
            // Not a wait for something to happen: the slowness itself, longer than a dialler waits before it tries the next.
            channel.eventLoop.scheduleTask(in: .milliseconds(500)) {
                channel.setOption(.autoRead, value: true).whenSuccess { channel.read() }
            }
            try Behaviour.member.initialize(channel)
        case .weakMember: try serve(channel, try Credentials.member.context(.weakCiphers))
        case .oldMember: try serve(channel, try Credentials.member.context(.oldVersion))
        case .member: try serve(channel, try Credentials.member.context())
        }
    }

    private func serve(_ channel: any Channel, _ context: NIOSSLContext) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(NIOSSLServerHandler(context: context))
        let upgrader = NIOWebSocketServerUpgrader { channel, _ in
            channel.eventLoop.makeSucceededFuture([:])
        } upgradePipelineHandler: { channel, _ in
            channel.eventLoop.makeSucceededVoidFuture()
        }
        try pipeline.configureHTTPServerPipeline(
            withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in }))
        try pipeline.addHandler(Welcomer())
    }
}

/// Says one thing.
private final class Talker: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Moment { case once, request }

    private let text: String
    private let moment: Moment

    init(_ text: String, at moment: Moment) {
        self.text = text
        self.moment = moment
    }

    func channelActive(context: ChannelHandlerContext) {
        if moment == .once { context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil) }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if moment == .request { context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil) }
    }
}

/// Answers 200 to every request.
private final class Welcomer: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": "0"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
