// A member's end of the relay: the link to one external member, and the connections opened because it asked.
import Engines
import HTTPTypes
package import Logging
package import NIOCore
import NIOPosix
package import Relay
package import Replica
import Transport
package import Trust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What the relay has to be given.
package struct RelayHost: Sendable {
    /// This member's tokens for a request.
    package let tokens: @Sendable (RequestBinding) throws -> [String]
    /// Sets a connection up for requests that come over it, on its event loop.
    package let serve: @Sendable (any Channel, _ peer: String) throws -> UpgradedSession
    /// What went wrong, in a text for people.
    package let logger: Logger
    /// Every event.
    package let debugLogger: Logger

    package init(
        tokens: @escaping @Sendable (RequestBinding) throws -> [String],
        serve: @escaping @Sendable (any Channel, _ peer: String) throws -> UpgradedSession, logger: Logger,
        debugLogger: Logger
    ) {
        self.tokens = tokens
        self.serve = serve
        self.logger = logger
        self.debugLogger = debugLogger
    }
}

/// The shell around `RelayLink`: performs its effects.
package actor RelayLinkNode {
    struct Carried {
        var stream = CarriedStream()
        let pipe: CarriedPipe
    }

    nonisolated let target: MemberTarget
    nonisolated let host: RelayHost
    let client: MemberClient
    let group: any EventLoopGroup
    nonisolated let settings: RelaySettings
    private nonisolated let clock: @Sendable () -> Duration
    private var driver: Driver<RelayLink, EventLoopTimer>
    private var attempts: [AttemptID: Task<Void, Never>] = [:]
    var carried: [String: Carried] = [:]
    private var connections: [ObjectIdentifier: any Channel] = [:]
    /// Something between the two lets no WebSocket through.
    private var isBlocked = false
    nonisolated let meter = ByteMeter()

    private static let eventsPath = "/cluster/events"

    /// Nothing is dialled before `run`.
    package init(
        target: MemberTarget, host: RelayHost, client: MemberClient, settings: RelaySettings = RelaySettings(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.target = target
        self.host = host
        self.client = client
        self.group = group
        self.settings = settings
        let start = ContinuousClock.now
        clock = { ContinuousClock.now - start }
        let timer = EventLoopTimer(group.next(), now: clock)
        driver = Driver(RelayLink(settings: settings, at: .zero, random: SystemRandomNumberGenerator()), timer: timer)
        timer.onDue { [weak self] in
            Task { await self?.tick() }
        }
    }

    /// Holds the link until it is cancelled.
    package func run() async {
        if !Task.isCancelled { tick() }
        let (end, ending) = AsyncStream<Void>.makeStream()
        await withTaskCancellationHandler {
            for await _ in end {}
        } onCancel: {
            ending.finish()
        }
        driver.engine.shutDown()
        performEffects()
        for connection in connections.values { connection.close(promise: nil) }
    }

    nonisolated var now: Duration { clock() }

    private func tick() {
        driver.tick(at: now)
        performEffects()
    }

    /// Performs effects until there are none left; the timer is set then.
    private func performEffects() {
        guard driver.begin() else { return }
        var effects: [RelayLink.Effect] = []
        while driver.next(&effects) {
            for effect in effects { perform(effect) }
        }
    }

    private func perform(_ effect: RelayLink.Effect) {
        switch effect {
        case .connect(let attempt, let last): attempts[attempt] = Task { await self.follow(attempt, last) }
        case .disconnect(let attempt): attempts.removeValue(forKey: attempt)?.cancel()
        case .sendHeartbeat(let name, let last, let roundTrip):
            Task { await self.sendHeartbeat(name, last, roundTrip) }
        case .dialBack(let nonce): Task { await self.dialBack(nonce) }
        case .received(let stream, let offset, let bytes): received(stream, offset, bytes)
        case .confirmed(let stream, let count): confirmed(stream, count)
        case .ended(let stream): carried.removeValue(forKey: stream)?.pipe.end()
        case .streamsLost:
            for (name, stream) in carried {
                stream.pipe.end()
                // One that began just now may be there at the other end.
                Task { await tellEnd(of: name) }
            }
            carried = [:]
        case .cutOff: for connection in connections.values { connection.close(promise: nil) }
        case .report(let report): log(report)
        }
    }

    private func log(_ report: RelayLink.Report) {
        switch report {
        case .linked: host.logger.info("linked to the external member \(target.serverID)")
        case .unlinked(let detail):
            host.logger.notice("the link to the external member \(target.serverID) ended: \(detail)")
        case .failed(let detail):
            host.logger.warning("the external member \(target.serverID) cannot be linked to: \(detail)")
        }
    }

    // MARK: Requests

    private nonisolated func fields(
        _ method: HTTPRequest.Method, _ path: String, _ body: [UInt8] = []
    ) throws -> HTTPFields {
        let binding = RequestBinding(
            method: method.rawValue, path: path, body: body, certificateSHA256: target.certificateSHA256)
        return [.carrier: try host.tokens(binding).joined(separator: ",")]
    }

    nonisolated func ask(
        _ method: HTTPRequest.Method, _ path: String, body: [UInt8] = [], type: String? = nil,
        more: (inout HTTPFields) -> Void = { _ in }
    ) async throws -> ProxiedResponse {
        var fields = try fields(method, path, body)
        more(&fields)
        if let type { fields[.contentType] = type }
        if !body.isEmpty { fields[.contentLength] = String(body.count) }
        let head = HTTPRequest(
            method: method, scheme: "https", authority: target.authority, path: path, headerFields: fields)
        return try await client.send(
            head, body: ByteBuffer(bytes: body), to: target, answerTime: settings.connectTime)
    }

    /// The body of an answer, and its problem where it is one.
    static func body(of answer: ProxiedResponse) async throws -> [UInt8] {
        var body: [UInt8] = []
        try await answer.forEachPart { part in
            if body.count < bodyByteCountMax { body += Array(buffer: part) }
        }
        return body
    }

    private static let bodyByteCountMax = 64 << 10

    func refusal(_ answer: ProxiedResponse) async throws -> Problem {
        Problem(answered: answer.head.status, try await Self.body(of: answer), by: target.serverID)
    }

    // MARK: The event stream

    private func follow(_ attempt: AttemptID, _ last: String?) async {
        let detail: String
        do {
            var (answer, refusal) = try await open(last)
            if refusal?.reason == TrustError.olderThanStartReason {
                // Not a wait for something to happen: tokens count whole seconds, and a member that has started this
                // second refuses those of this second.
                try await Task.sleep(for: .seconds(1))
                (answer, refusal) = try await open(last)
            }
            if let refusal {
                detail = refusal.detail
            } else {
                try await read(answer, attempt)
                detail = "it closed the connection"
            }
        } catch let error as MemberUnreachable {
            detail = error.detail
        } catch {
            detail = "\(error)"
        }
        attempts[attempt] = nil
        driver.engine.ended(attempt, detail: detail, at: now)
        performEffects()
    }

    private func open(_ last: String?) async throws -> (ProxiedResponse, Problem?) {
        let answer = try await ask(.get, Self.eventsPath) { fields in
            fields[.accept] = "text/event-stream"
            if let last { fields[.lastEventID] = last }
        }
        return (answer, answer.head.status == .ok ? nil : try await refusal(answer))
    }

    private nonisolated func read(_ answer: ProxiedResponse, _ attempt: AttemptID) async throws {
        var parser = EventStreamParser(byteCountMax: RelayEvent.byteCountMax)
        try await answer.forEachPart { part in
            try Task.checkCancellation()
            for event in try parser.parse(part.readableBytesView) {
                if case .event(_, let name, _) = event {
                    host.debugLogger.debug("\(target.serverID): received \(name)")
                }
                await received(event, attempt)
            }
        }
    }

    private func received(_ part: EventStreamParser.Part, _ attempt: AttemptID) {
        driver.engine.received(part, over: attempt, at: now)
        performEffects()
    }

    private struct Heartbeat: Encodable {
        let link: String
        let last: String?
        let roundTripMicroseconds: Int?
    }

    private func sendHeartbeat(_ name: String, _ last: String?, _ roundTrip: Duration?) async {
        let heartbeat = Heartbeat(
            link: name, last: last, roundTripMicroseconds: roundTrip.map { max(1, Int($0 / .microseconds(1))) })
        let began = ContinuousClock.now
        let outcome: Result<Duration, RelayError>
        do {
            let answer = try await ask(
                .post, Self.eventsPath, body: Array(try JSONEncoder().encode(heartbeat)), type: "application/json")
            if answer.head.status == .noContent {
                _ = try await Self.body(of: answer)
                outcome = .success(ContinuousClock.now - began)
            } else {
                let refusal = try await refusal(answer)
                outcome = .failure(
                    refusal.reason == RelayError.unknownLink.reason ? .unknownLink : .malformed(refusal.detail))
            }
        } catch {
            outcome = .failure(.malformed("\(error)"))
        }
        if case .failure(let error) = outcome {
            host.debugLogger.debug("\(target.serverID): the heartbeat was not taken: \(error)")
        }
        driver.engine.heartbeatAnswered(name, outcome, at: now)
        performEffects()
    }

    // MARK: Connections

    /// Opens the connection that a nonce asks for, and serves what comes over it.
    private func dialBack(_ nonce: String) async {
        do {
            if isBlocked { return try await carry(nonce) }
            var fields = try fields(.get, MemberClient.relayPath)
            fields[.nonce] = nonce
            let opened = try await client.openRelayed(fields, to: target, meter) { [host, target] in
                try host.serve($0, target.serverID.text)
            }
            switch opened {
            case .success(let connection): await serve(connection.channel, connection.session)
            case .failure(let problem) where Self.isBlocked(problem):
                isBlocked = true
                host.logger.notice(
                    """
                    something between this member and \(target.serverID) lets no WebSocket through (\(problem.detail)); \
                    its connections are carried as messages, which is slower
                    """)
                try await carry(nonce)
            case .failure(let problem):
                host.debugLogger.debug("\(target.serverID): a connection was refused: \(problem.detail)")
            }
        } catch {
            host.logger.warning("a connection that \(target.serverID) asked for did not come about: \(error)")
        }
    }

    /// An upgrade that never arrived at the external member is one that something in between took away.
    private static func isBlocked(_ problem: Problem) -> Bool {
        problem.status == .upgradeRequired || problem.reason == Problem.noDocument
    }

    func serve(_ channel: any Channel, _ session: UpgradedSession) async {
        let id = ObjectIdentifier(channel)
        connections[id] = channel
        await session()
        connections[id] = nil
    }

    // MARK: Status

    /// What is known of the link.
    package struct Status: Sendable {
        /// The external member.
        package let serverID: ServerID
        /// How far the link is.
        package let phase: RelayLink.Phase
        /// How long it has been so.
        package let age: Duration
        /// Of the last heartbeat that was answered; nil before the first.
        package let roundTrip: Duration?
        /// Why there is no link, for people; nil while there is one, and before anything has gone wrong.
        package let lastError: String?
        /// Connections that the external member asked for and that are there, carried ones included.
        package let connectionCount: Int
        /// Those of them that are carried.
        package let carriedStreamCount: Int
        /// Whether something between the two lets no WebSocket through, so that all are carried.
        package let isBlocked: Bool
        /// Over all its connections, those that are gone included.
        package let bytesSent: Int
        /// As `bytesSent`, the other way.
        package let bytesReceived: Int
    }

    /// What is known of the link now.
    package var status: Status {
        let link = driver.engine
        return Status(
            serverID: target.serverID, phase: link.phase, age: now - link.since, roundTrip: link.roundTrip,
            lastError: link.lastError, connectionCount: connections.count, carriedStreamCount: carried.count,
            isBlocked: isBlocked, bytesSent: meter.bytesSent, bytesReceived: meter.bytesReceived)
    }
}
