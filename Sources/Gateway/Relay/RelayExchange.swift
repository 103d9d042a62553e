// The external member's end of the relay: its links, and the connections that other members open when they are asked.
package import NIOCore
import NIOPosix
package import Relay
package import Replica
import Synchronization
import Transport

/// What an external member has of the others. On any other member it stays empty.
package final class RelayExchange: Sendable {
    private struct State {
        var hub: RelayHub
        var outputs: [HubLinkID: AsyncStream<ByteBuffer>.Continuation] = [:]
        /// Links whose streams of events have not ended, which they do after their outputs.
        var served: Set<HubLinkID> = []
        /// Whoever waits for the end of all of them.
        var drained: CheckedContinuation<Void, Never>?
        var waiting: [DialID: CheckedContinuation<any Channel, any Error>] = [:]
        var pipes: [String: CarriedPipe] = [:]
        /// Connections that each member has opened.
        var connections: [ServerID: [ObjectIdentifier: any Channel]] = [:]
        /// Of those, one for each member that nobody uses yet.
        var spare: [ServerID: any Channel] = [:]
        var isAskingForSpare: Set<ServerID> = []
        /// Bytes on connections of each member since this one began.
        var meters: [ServerID: ByteMeter] = [:]
    }

    private let state: Mutex<State>
    private let start = ContinuousClock.now
    private let group: any EventLoopGroup
    private let observer: @Sendable (RelayHub.Report) -> Void

    /// Events that may wait for a link's connection; one that takes no more is dead.
    private static let outputCountMax = 4_096
    private static let tickInterval: Duration = .milliseconds(250)

    package init(
        settings: RelaySettings = RelaySettings(), group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        observer: @escaping @Sendable (RelayHub.Report) -> Void
    ) {
        state = Mutex(State(hub: RelayHub(settings: settings, random: SystemRandomNumberGenerator())))
        self.group = group
        self.observer = observer
    }

    /// Keeps the times of the links; returns when it is cancelled.
    package func run() async {
        while !Task.isCancelled {
            // Not a wait for something to happen: links and connections end by the clock.
            try? await Task.sleep(for: Self.tickInterval)
            change { hub, now in hub.tick(at: now) }
        }
    }

    private var now: Duration { ContinuousClock.now - start }

    /// Changes the hub and does what it asks for.
    private func change<Result: Sendable, Failure: Error>(
        _ body: (inout RelayHub, Duration) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let now = now
        return try state.withLock { (state) throws(Failure) in
            defer { perform(&state) }
            return try body(&state.hub, now)
        }
    }

    private func perform(_ state: inout State) {
        for effect in state.hub.takeEffects() {
            switch effect {
            case .send(let link, let event, let id): write(event.text(id: id), to: link, &state)
            case .sendHeartbeat(let link): write(Array(": \n\n".utf8), to: link, &state)
            case .close(let link): state.outputs.removeValue(forKey: link)?.finish()
            case .cutOff(let member):
                for connection in (state.connections[member] ?? [:]).values { connection.close(promise: nil) }
            case .dialFailed(let dial, let error): state.waiting.removeValue(forKey: dial)?.resume(throwing: error)
            case .hasRoom(let stream): state.pipes[stream]?.hasRoom()
            case .streamEnded(let stream): state.pipes.removeValue(forKey: stream)?.end()
            case .report(let report): observer(report)
            }
        }
    }

    private func write(_ text: [UInt8], to link: HubLinkID, _ state: inout State) {
        guard let output = state.outputs[link] else { return }
        if case .enqueued = output.yield(ByteBuffer(bytes: text)) { return }
        state.outputs.removeValue(forKey: link)?.finish()
    }

    // MARK: Links

    /// Opens a member's link.
    ///
    /// - Returns: What to send to it, until the link ends; after that `closeLink` has to be called.
    package func openLink(
        _ member: ServerID, lastEventID: String?, hasFullKey: Bool
    ) throws(RelayError) -> (id: HubLinkID, output: AsyncStream<ByteBuffer>) {
        let (output, continuation) = AsyncStream<ByteBuffer>.makeStream(
            bufferingPolicy: .bufferingOldest(Self.outputCountMax))
        let now = now
        let id = try state.withLock { (state) throws(RelayError) in
            let id = try state.hub.linkOpened(
                member, lastEventID: lastEventID, hasFullKey: hasFullKey, at: now)
            state.outputs[id] = continuation
            state.served.insert(id)
            perform(&state)
            return id
        }
        return (id, output)
    }

    package func closeLink(_ id: HubLinkID, detail: String) {
        state.withLock { state in
            state.outputs[id] = nil
            state.served.remove(id)
            if state.served.isEmpty { state.drained.take()?.resume() }
        }
        change { hub, now in hub.linkClosed(id, detail: detail, at: now) }
    }

    /// A member says that it lives.
    package func heard(
        _ member: ServerID, link: String, last: String?, roundTrip: Duration?
    ) throws(RelayError) {
        try change { (hub, now) throws(RelayError) in
            try hub.heard(member, link: link, last: last, roundTrip: roundTrip, at: now)
        }
    }

    /// Tells all members that this one stops. Returns once it has been said on every link, or when the time is over that
    /// members are given to take it.
    package func drain(within limit: Duration = .seconds(1)) async {
        change { hub, _ in hub.drain() }
        let outputs = state.withLock { state in
            defer { state.outputs = [:] }
            return state.outputs.values.map { $0 }
        }
        for output in outputs { output.finish() }
        let timer = Task {
            try await Task.sleep(for: limit)
            state.withLock { $0.drained.take() }?.resume()
        }
        await withCheckedContinuation { waiter in
            state.withLock { state in
                if state.served.isEmpty { waiter.resume() } else { state.drained = waiter }
            }
        }
        timer.cancel()
    }

    // MARK: Connections

    /// A connection to a member, which it opens. Nothing has been said on it.
    func connect(to member: ServerID) async throws -> any Channel {
        defer { askForSpare(member) }
        if let spare = state.withLock({ $0.spare.removeValue(forKey: member) }), spare.isActive { return spare }
        return try await dial(member)
    }

    private func dial(_ member: ServerID) async throws -> any Channel {
        try await withCheckedThrowingContinuation { waiter in
            let now = now
            state.withLock { state in
                do throws(RelayError) {
                    state.waiting[try state.hub.dial(member, at: now)] = waiter
                } catch {
                    waiter.resume(throwing: error)
                }
                perform(&state)
            }
        }
    }

    /// Has one more connection opened, so that the next one who needs one does not wait.
    private func askForSpare(_ member: ServerID) {
        let isNeeded = state.withLock { state in
            state.spare[member] == nil && state.isAskingForSpare.insert(member).inserted
        }
        guard isNeeded else { return }
        Task {
            // Where there is none to be had, whoever needs one next is told why.
            let channel = try? await dial(member)
            state.withLock { state in
                state.isAskingForSpare.remove(member)
                state.spare[member] = channel
            }
            channel?.closeFuture.whenComplete { [weak self] _ in self?.forgetSpare(member, channel) }
        }
    }

    private func forgetSpare(_ member: ServerID, _ channel: (any Channel)?) {
        state.withLock { state in
            if state.spare[member] === channel { state.spare[member] = nil }
        }
    }

    /// Judges the nonce with which a member opens a connection.
    package func accept(_ nonce: String, from member: ServerID) throws(RelayError) -> RelayGrant {
        let dial = try change { (hub, now) throws(RelayError) in try hub.dialledBack(nonce, from: member, at: now) }
        return RelayGrant(exchange: self, dial: dial, member: member)
    }

    fileprivate func attach(_ channel: any Channel, _ dial: DialID, _ member: ServerID) {
        let id = ObjectIdentifier(channel)
        let waiter = state.withLock { state in
            state.connections[member, default: [:]][id] = channel
            return state.waiting.removeValue(forKey: dial)
        }
        channel.closeFuture.whenComplete { [weak self] _ in
            self?.state.withLock { state in
                state.connections[member]?[id] = nil
                if state.connections[member]?.isEmpty == true { state.connections[member] = nil }
            }
        }
        if let waiter { waiter.resume(returning: channel) } else { channel.close(promise: nil) }
    }

    fileprivate func abandon(_ dial: DialID, _ member: ServerID) {
        state.withLock { $0.waiting.removeValue(forKey: dial) }?.resume(throwing: RelayError.noAnswer(member))
    }

    // MARK: Carried streams

    /// A member cannot open the connection, and takes it as a carried stream. Returns the stream's name.
    package func carry(_ nonce: String, by member: ServerID) async throws -> String {
        let stream = nonce
        let dial = try change { (hub, now) throws(RelayError) in try hub.carried(nonce, by: member, at: now) }
        guard let dial else { return stream }
        let pipe: CarriedPipe
        do {
            pipe = try await CarriedPipe.make(group)
        } catch {
            abandon(dial, member)
            change { hub, _ in hub.end(stream, of: member) }
            throw error
        }
        let isGone = state.withLock { state in
            // The member may have lost it meanwhile, with its link.
            guard state.hub.room(of: stream, to: member) != nil else { return true }
            state.pipes[stream] = pipe
            return false
        }
        if isGone { pipe.end() }
        attach(pipe.transport, dial, member)
        Task { [self] in
            await pipe.run {
                self.state.withLock { $0.hub.room(of: stream, to: member) }
            } send: { bytes in
                self.meter(member).countSent(bytes.count)
                self.change { hub, _ in hub.send(bytes, over: stream, to: member) }
            } passed: { count in
                self.change { hub, _ in hub.passed(count, over: stream, from: member) }
            }
            change { hub, _ in hub.end(stream, of: member) }
        }
        return stream
    }

    /// Takes bytes of a carried stream from its member.
    package func take(
        _ bytes: [UInt8], at offset: UInt64, confirming count: UInt64, over stream: String, from member: ServerID
    ) throws(RelayError) {
        try state.withLock { (state) throws(RelayError) in
            defer { perform(&state) }
            let new = try state.hub.received(bytes, at: offset, confirming: count, over: stream, from: member)
            guard !new.isEmpty else { return }
            state.meters[member]?.countReceived(new.count)
            state.pipes[stream]?.deliver(new)
        }
    }

    /// A member has ended a carried stream.
    package func end(_ stream: String, by member: ServerID) {
        change { hub, _ in hub.ended(stream, by: member) }
    }

    // MARK: Status

    /// A member's link, and what it has opened.
    package struct Status: Sendable {
        package let link: RelayHub.Status
        /// How long ago the link was opened.
        package let age: Duration?
        package let connectionCount: Int
        package let bytesSent: Int
        package let bytesReceived: Int
    }

    fileprivate func meter(_ member: ServerID) -> ByteMeter {
        state.withLock { state in
            if let meter = state.meters[member] { return meter }
            let meter = ByteMeter()
            state.meters[member] = meter
            return meter
        }
    }

    /// The members that hold a link now.
    package var linkedMembers: Set<ServerID> {
        state.withLock { state in Set(state.hub.statuses.filter(\.isLinked).map(\.member)) }
    }

    package var statuses: [Status] {
        let now = now
        return state.withLock { state in
            state.hub.statuses.map { link in
                Status(
                    link: link, age: link.since.map { now - $0 },
                    connectionCount: state.connections[link.member]?.count ?? 0,
                    bytesSent: state.meters[link.member]?.bytesSent ?? 0,
                    bytesReceived: state.meters[link.member]?.bytesReceived ?? 0)
            }
        }
    }
}

/// The right to one connection, which is used by giving it a channel, or lost.
package final class RelayGrant: Sendable {
    private let exchange: RelayExchange
    private let dial: DialID
    private let member: ServerID

    fileprivate init(exchange: RelayExchange, dial: DialID, member: ServerID) {
        self.exchange = exchange
        self.dial = dial
        self.member = member
    }

    deinit { exchange.abandon(dial, member) }

    /// Gives the upgraded channel to whoever waits for it; on its event loop.
    package func use(_ channel: any Channel) throws -> UpgradedSession {
        try channel.pipeline.syncOperations.addHandler(WebSocketBytes(meter: exchange.meter(member)))
        exchange.attach(channel, dial, member)
        return {
            await withTaskCancellationHandler {
                // A channel that is closed is all there is to wait for.
                _ = try? await channel.closeFuture.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        }
    }
}
