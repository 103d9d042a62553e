// Opens the connection of a link: TCP, TLS, the upgrade with this member's tokens.
package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import OperatingSystem
package import Transport
package import Trust

/// Opens connections to access points.
package struct Dialler: Sendable {
    /// Makes the tokens of an upgrade request, one for each cluster key.
    package typealias TokenMaker = @Sendable (RequestBinding) throws -> [String]

    private let hosts: HostDialler
    private let tokens: TokenMaker

    /// - Parameters:
    ///   - group: Connections are spread over its event loops.
    ///   - makeResolver: Makes what looks names up; nil for the system's way.
    ///   - proxies: What the environment says of outbound proxies.
    package init(
        group: any EventLoopGroup, makeResolver: @escaping ResolverMaker = { _ in nil },
        proxies: ProxyRules = .none, tokens: @escaping TokenMaker
    ) {
        hosts = HostDialler(group: group, makeResolver: makeResolver, proxies: proxies)
        self.tokens = tokens
    }

    /// A connection that is upgraded, with the hash of the certificate that this end saw.
    package func dial(_ point: AccessPoint) async throws(DialError) -> LinkConnection {
        do {
            return try await open(point)
        } catch let error as DialError {
            throw error
        } catch is CancellationError {
            throw DialError("the dial was called off")
        } catch {
            throw DialError(ConnectionFailure.explain(error, point.dial))
        }
    }

    /// Connects to the host until an address takes the link: another program may do TLS at those before it. Each is asked
    /// once, one after the other: two that were asked at the same time might both take it.
    private func open(_ point: AccessPoint) async throws -> LinkConnection {
        let dial = point.dial
        let hasOneEnd = hosts.hasOneEnd(dial)
        let deadline = dial.deadline
        var failures: [SocketAddress: any Error] = [:]
        while true {
            let channel = try await connect(dial, until: deadline, leavingOut: failures)
            let address = channel.remoteAddress
            do {
                let request = try await request(channel, point)
                let left = Duration(deadline - .now())
                // There may be another address behind the name, which has to have its time too.
                return try await upgrade(channel, point, request, within: hasOneEnd ? left : left / 2)
            } catch let error as OwnFailure {
                channel.close(promise: nil)
                throw error.reason
            } catch {
                channel.close(promise: nil)
                try Task.checkCancellation()
                // One that comes again though it was left out would come until the deadline.
                guard !hasOneEnd, let address, failures.updateValue(error, forKey: address) == nil
                else { throw error }
            }
        }
    }

    /// Connects to the first address of the host at which TLS comes up.
    private func connect(
        _ dial: HostDial, until deadline: NIODeadline, leavingOut failures: [SocketAddress: any Error]
    ) async throws -> any Channel {
        let loop = hosts.next()
        let calledOff = loop.makePromise(of: Void.self)
        defer { calledOff.succeed() }
        let terms = AttemptTerms(until: deadline, leavingOut: failures, calledOff: calledOff.futureResult)
        do {
            return try await withTaskCancellationHandler {
                try await hosts.connect(dial, on: loop, terms) { $0 }
            } onCancel: {
                calledOff.succeed()
            }
        } catch {
            try Task.checkCancellation()
            // Where the name was not looked up again in time, all that is known is what came before.
            let isTold = (error as? NIOConnectionError)?.connectionErrors.isEmpty == false
            throw isTold ? error : failures.values.first ?? error
        }
    }

    /// An upgrade request, and what its tokens are bound to.
    private struct Request {
        let head: HTTPRequestHead
        let certificateHash: [UInt8]?
    }

    private typealias LinkChannel = NIOAsyncChannel<LinkInbound, Message>

    private func upgrade(
        _ channel: any Channel, _ point: AccessPoint, _ request: Request, within limit: Duration
    ) async throws -> LinkConnection {
        let meter = ByteMeter()
        do {
            let link = try await channel.closing(after: TimeAmount(limit)) {
                try await withTaskCancellationHandler {
                    try await Self.upgrade(channel, request.head, meter)
                } onCancel: {
                    channel.close(promise: nil)
                }
            }
            return LinkConnection(
                channel: link, meter: meter, address: point.url, certificateHash: request.certificateHash)
        } catch NoAnswer.late {
            throw DialError("unreachable: no answer after the TLS handshake")
        } catch NoAnswer.closed {
            throw DialError("not an agent: it closed the connection without an answer")
        } catch NoAnswer.notHTTP(let error) {
            throw DialError("not an agent: its answer is not HTTP (\(error))")
        } catch let error as NIOSSLError where error == .uncleanShutdown {
            // What TLS calls a connection that just ends means something else once its handshake is done.
            throw DialError("not an agent: it closed the connection without an answer")
        }
    }

    private func request(_ channel: any Channel, _ point: AccessPoint) async throws -> Request {
        var certificateHash: [UInt8]?
        if !point.options.isUnbound {
            guard let certificate = try await channel.nioSSL_peerCertificate().get() else {
                throw DialError("not an agent: it showed no certificate")
            }
            certificateHash = Sodium.sha256(try certificate.toDERBytes())
        }
        return Request(head: try requestHead(point, certificateHash), certificateHash: certificateHash)
    }

    private func requestHead(_ point: AccessPoint, _ certificateHash: [UInt8]?) throws -> HTTPRequestHead {
        let binding = RequestBinding(method: "GET", path: Message.path, certificateSHA256: certificateHash)
        let tokens = try tokens(binding)
        guard !tokens.isEmpty else {
            throw OwnFailure("no common key: this member has no cluster key; make one with \"fastx-agent key new\"")
        }
        return UpgradeRequest.head(
            Message.path, authority: point.dial.destination.description,
            [
                ("authorization", "Bearer \(tokens.joined(separator: ","))"),
                ("sec-websocket-protocol", Message.subprotocol),
            ])
    }

    private static func upgrade(
        _ channel: any Channel, _ head: HTTPRequestHead, _ meter: ByteMeter
    ) async throws -> LinkChannel {
        let upgrader = NIOTypedWebSocketClientUpgrader<UpgradeOutcome<LinkChannel>>(
            maxFrameSize: Message.byteCountMax
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture { .upgraded(try channel.configureLink(isClient: true, meter: meter)) }
        }
        let outcome = try await channel.eventLoop.submit {
            try UpgradeRequest.send(head, on: channel, by: upgrader)
        }.get()
        switch try await outcome.get() {
        case .upgraded(let link): return link
        case .refused(let refusal): throw DialError(describing: try await refusal.get())
        }
    }
}

extension DialError {
    /// An answer that is no upgrade.
    fileprivate init(describing refusal: UpgradeRefusal) {
        if let error = refusal.breakage {
            self.init("not an agent: its answer is not HTTP (\(error))")
        } else if let problem = refusal.problem, let detail = problem.detail, let member = problem.serverId {
            self.init("\(detail) (said by \(member))")
        } else {
            self.init("not an agent: it answered \(refusal.head.status.code) \(refusal.head.status.reasonPhrase)")
        }
    }
}

/// What keeps this member from linking, whatever address it dials.
private struct OwnFailure: Error {
    let reason: DialError

    init(_ reason: String) { self.reason = DialError(reason) }
}
