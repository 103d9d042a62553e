// A connection to another member that has just proven to be alive: for a request that must not be lost with a dead one.
package import HTTPTypes
package import NIOCore
import Relay
import Synchronization
import Transport

/// A connection for one request. One that is let go unused is kept for others.
package final class ReadyMember: Sendable {
    /// Where it leads.
    package let target: MemberTarget
    private let connection: MemberConnection
    private let client: MemberClient
    private let isUsed = Atomic(false)

    fileprivate init(_ target: MemberTarget, _ connection: MemberConnection, _ client: MemberClient) {
        self.target = target
        self.connection = connection
        self.client = client
    }

    deinit { if !isUsed.load(ordering: .acquiring) { client.keep(connection, target) } }

    /// Sends the request; from then on the member may have taken it, whatever comes. To be called once.
    package func send(_ head: HTTPRequest, body: ByteBuffer) async throws(MemberUnreachable) -> ProxiedResponse {
        isUsed.store(true, ordering: .releasing)
        let (connection, client, target) = (connection, client, target)
        do {
            return ProxiedResponse(
                try await connection.send(head, body, MemberClient.answerTimeMax) { client.keep(connection, target) })
        } catch {
            throw client.unreachable(target, error)
        }
    }

    /// The whole answer to a question; the connection is closed then. To be called once.
    ///
    /// - Parameter time: How long the answer may take to begin.
    package func ask(
        _ head: HTTPRequest, within time: Duration
    ) async throws(MemberUnreachable) -> (head: HTTPResponse, body: ByteBuffer) {
        isUsed.store(true, ordering: .releasing)
        defer { connection.close() }
        do {
            return try await client.ask(head, over: connection, within: time)
        } catch {
            throw client.unreachable(target, error)
        }
    }
}

extension MemberClient {
    /// How long a connection that was there before may take to show that it is alive.
    private static let checkTimeMax: Duration = .seconds(1)

    /// A connection to a member, which is alive: opened just now with TLS, or one over which it has just answered.
    ///
    /// - Parameter check: What is asked over a connection that was there before. Any answer will do.
    package func ready(
        _ target: MemberTarget, on loop: any EventLoop, check: HTTPRequest
    ) async throws(MemberUnreachable) -> ReadyMember {
        if let kept = takeIdle(target, loop) {
            do {
                try await ask(check, over: kept, within: Self.checkTimeMax)
                return ReadyMember(target, kept, self)
            } catch {
                // The others are most likely as dead as this one, and a new one tells why.
                dropIdle(target)
            }
        }
        let connection: MemberConnection
        do {
            connection = try await MemberConnection.open(target, dialler, on: loop)
            // An external member has some that were opened in advance.
            if case .relay = target.way { try await ask(check, over: connection, within: Self.checkTimeMax) }
        } catch {
            throw unreachable(target, error, hasTakenNothing: true)
        }
        return ReadyMember(target, connection, self)
    }

    /// A new connection to a member.
    package func open(_ target: MemberTarget) async throws(MemberUnreachable) -> ReadyMember {
        do {
            return ReadyMember(target, try await MemberConnection.open(target, dialler, on: nil), self)
        } catch {
            throw unreachable(target, error, hasTakenNothing: true)
        }
    }

    /// More of the answer to such a question is hardly a member's.
    private static let answerByteCountMax = 64 << 10

    @discardableResult
    fileprivate func ask(
        _ head: HTTPRequest, over connection: MemberConnection, within time: Duration
    ) async throws -> (head: HTTPResponse, body: ByteBuffer) {
        let began = ContinuousClock.now
        do {
            let answer = ProxiedResponse(try await connection.send(head, ByteBuffer(), time) {})
            var body = ByteBuffer()
            try await answer.forEachPart { part in
                guard body.readableBytes + part.readableBytes <= Self.answerByteCountMax else {
                    throw ChannelError.inappropriateOperationForState
                }
                body.writeImmutableBuffer(part)
            }
            guard connection.isOpen else { throw ChannelError.ioOnClosedChannel }
            return (answer.head, body)
        } catch {
            connection.close()
            guard ContinuousClock.now - began >= time else { throw error }
            throw DialError("unreachable: connected, and no answer in \(time)")
        }
    }
}
