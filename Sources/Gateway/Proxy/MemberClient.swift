// Requests to other members over kept connections, and WebSockets whose bytes go through as they are.
package import HTTPTypes
package import NIOCore
import NIOPosix
import Relay
package import Replica
import Synchronization
package import Transport

/// Why another member gave no answer.
package struct MemberUnreachable: Error, Sendable, CustomStringConvertible {
    /// The member that was asked.
    package let serverID: ServerID
    /// For people, without the member's name.
    package let detail: String
    /// Whether no connection with TLS came about, so that the member has certainly taken nothing of the request.
    package let hasTakenNothing: Bool

    /// For people, with the member's name.
    package var description: String { "\(serverID) cannot be reached: \(detail)" }
}

/// What another member answered; the body is read once, as it comes. One that is let go unread gives its connection up.
package final class ProxiedResponse: Sendable {
    /// As it came: what goes on to the next hop is the caller's to choose.
    package let head: HTTPResponse
    private let body: MemberAnswer.Body
    private let isRead = Atomic(false)

    init(_ answer: MemberAnswer) {
        head = answer.head
        body = answer.body
    }

    deinit {
        if case .parts(_, let abandon) = body, !isRead.load(ordering: .acquiring) { abandon() }
    }

    /// The body, where all of it came together with the head.
    package var whole: ByteBuffer? {
        if case .whole(let bytes) = body { bytes } else { nil }
    }

    /// Calls the closure with each part of the body. Where it throws, the connection is given up.
    package func forEachPart(_ take: (ByteBuffer) async throws -> Void) async throws {
        switch body {
        case .whole(let bytes):
            if bytes.readableBytes > 0 { try await take(bytes) }
        case .parts(let parts, let abandon):
            do {
                for try await part in parts { try await take(part) }
                // A reader that is cancelled is told of no more parts, as if there were none.
                try Task.checkCancellation()
                isRead.store(true, ordering: .releasing)
            } catch {
                isRead.store(true, ordering: .releasing)
                abandon()
                throw error
            }
        }
    }
}

/// Keeps connections to members and sends requests over them.
package final class MemberClient: Sendable {
    let dialler: MemberDialler
    private let idle = Mutex<[MemberTarget: [MemberConnection]]>([:])

    /// Connections kept open to one member while nothing is asked.
    private static let idleCountMax = 128

    /// How long an answer may take to begin; a login with several questions takes the longest.
    package static let answerTimeMax: Duration = .seconds(150)

    /// - Parameters:
    ///   - relay: Where members are asked for connections, on an external member.
    ///   - proxies: Through which proxy members are reached.
    ///   - mayReach: Whether an IP address may be connected to that another member announces.
    package init(
        relay: RelayExchange? = nil, group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        makeResolver: @escaping ResolverMaker = { _ in nil }, proxies: ProxyRules = .none,
        mayReach: @escaping @Sendable (String) -> Bool
    ) {
        dialler = MemberDialler(
            hosts: HostDialler(group: group, makeResolver: makeResolver, proxies: proxies), relay: relay,
            mayReach: mayReach)
    }

    /// Sends a request and returns the answer's head as soon as it is there.
    ///
    /// A kept connection may have ended just now. A request that changes nothing is then sent once more over a new one; any
    /// other is never sent twice.
    ///
    /// - Parameters:
    ///   - loop: The event loop of whoever asks: a connection on the same one is preferred.
    ///   - answerTime: How long the answer may take to begin.
    package func send(
        _ head: HTTPRequest, body: ByteBuffer, to target: MemberTarget, on loop: (any EventLoop)? = nil,
        answerTime: Duration = answerTimeMax
    ) async throws(MemberUnreachable) -> ProxiedResponse {
        if let kept = takeIdle(target, loop) {
            do {
                return ProxiedResponse(
                    try await kept.send(head, body, answerTime) { [self] in keep(kept, target) })
            } catch {
                let isSafe = head.method == .get || head.method == .head
                guard isSafe else { throw unreachable(target, error) }
            }
        }
        let connection: MemberConnection
        do {
            connection = try await MemberConnection.open(target, dialler, on: loop)
        } catch {
            throw unreachable(target, error, hasTakenNothing: true)
        }
        do {
            return ProxiedResponse(
                try await connection.send(head, body, answerTime) { [self] in keep(connection, target) })
        } catch {
            throw unreachable(target, error)
        }
    }

    func unreachable(
        _ target: MemberTarget, _ error: any Error, hasTakenNothing: Bool = false
    ) -> MemberUnreachable {
        return MemberUnreachable(
            serverID: target.serverID, detail: detail(target, error), hasTakenNothing: hasTakenNothing)
    }

    private func detail(_ target: MemberTarget, _ error: any Error) -> String {
        switch error {
        case is RelayError, is DialError: return "\(error)"
        case ChannelError.ioOnClosedChannel, ChannelError.inputClosed, ChannelError.alreadyClosed, is NoAnswer:
            return "the connection ended without an answer"
        default: break
        }
        guard let dial = dialler.dial(target) else { return "the connection that it opened broke: \(error)" }
        return ConnectionFailure.explain(error, dial)
    }

    func takeIdle(_ target: MemberTarget, _ loop: (any EventLoop)?) -> MemberConnection? {
        idle.withLock { $0[target]?.takeOpen(preferring: loop) }
    }

    /// Closes what is kept, where one of these has turned out to be dead.
    func dropIdle(_ target: MemberTarget) {
        for connection in idle.withLock({ $0.removeValue(forKey: target) ?? [] }) { connection.close() }
    }

    func keep(_ connection: MemberConnection, _ target: MemberTarget) {
        let isKept = idle.withLock { idle in
            guard connection.isOpen, idle[target, default: []].count < Self.idleCountMax else { return false }
            idle[target, default: []].append(connection)
            return true
        }
        if !isKept { connection.close() }
    }
}

extension [MemberConnection] {
    /// The one used last that is open, on the event loop if there is one on it.
    fileprivate mutating func takeOpen(preferring loop: (any EventLoop)?) -> MemberConnection? {
        while !isEmpty {
            let near = loop.flatMap { loop in lastIndex { $0.isOn(loop) } }
            let connection = remove(at: near ?? count - 1)
            if connection.isOpen { return connection }
        }
        return nil
    }
}
