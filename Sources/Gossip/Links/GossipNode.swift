// The shell around the engine: performs its effects on real connections, a real store and real clocks.
import Engines
package import Logging
package import NIOCore
package import Replica
import Transport
package import Trust

/// One member's part in the gossip.
///
/// All inputs of the engine run on this actor, one after the other; after each the effects are performed to the end.
package actor GossipNode {
    private var driver: Driver<GossipEngine, EventLoopTimer>
    private let store: any ReplicaStore
    private let dialler: Dialler
    private let clock: NodeClock
    private let observer: @Sendable (Report) -> Void
    private var accessPoints: [String: AccessPoint] = [:]
    private var connections: [LinkID: Connection] = [:]
    /// Every message is logged at level debug.
    private let logger: Logger
    private var dials: [LinkID: Task<Void, Never>] = [:]
    private var drained: [CheckedContinuation<Void, Never>] = []

    /// A link's connection, from the node's side.
    private struct Connection {
        let link: LinkConnection
        /// Set once the last message, the bye, is on its way.
        var farewell: EventLoopFuture<Void>?
        var isClosing = false
    }

    /// The observer is called on this actor, in order; it must not block.
    package init(
        identity: MemberIdentity, keyRing: KeyRing, settings: EngineSettings, store: any ReplicaStore,
        dialler: Dialler, clock: NodeClock, timerLoop: any EventLoop, logger: Logger,
        observer: @escaping @Sendable (Report) -> Void
    ) {
        let timer = EventLoopTimer(timerLoop) { clock.uptime() }
        driver = Driver(
            GossipEngine(
                identity: identity, keyRing: keyRing, settings: settings, random: SystemRandomNumberGenerator(),
                at: clock.moment()),
            timer: timer)
        self.store = store
        self.dialler = dialler
        self.clock = clock
        self.logger = logger
        self.observer = observer
        timer.onDue { [weak self] in
            Task { await self?.tick() }
        }
    }

    /// Passes the store's changes on to the links, until the store is closed or the task is cancelled.
    package func run() async {
        for await change in store.changes() {
            switch change {
            case .committed(let batch, let source): driver.engine.committed(batch, from: source, at: clock.moment())
            case .expired(let batch): driver.engine.expired(batch, at: clock.moment())
            case .missed: driver.engine.changesMissed(at: clock.moment())
            }
            perform()
        }
    }

    // MARK: Configuration

    /// Sets the access points to hold links to.
    package func setAccessPoints(_ points: [AccessPoint]) {
        let changed = points.filter { point in
            accessPoints[point.url].map { $0.options != point.options } ?? false
        }
        accessPoints = Dictionary(points.map { ($0.url, $0) }) { first, _ in first }
        driver.engine.setAccessPoints(points.map(\.url), at: clock.moment())
        for point in changed { driver.engine.redial(point.url, at: clock.moment()) }
        perform()
    }

    /// Sets the cluster keys of this member: every open link proves again, and ends if no proven key remains.
    package func setKeyRing(_ keyRing: KeyRing) {
        driver.engine.setKeyRing(keyRing, at: clock.moment())
        perform()
    }

    /// Sets the mean time between rounds on a link where nothing seems to be missing.
    package func setReconcileInterval(_ interval: Duration) { driver.engine.setReconcileInterval(interval) }

    /// Sets who this member is, for links that open from now on.
    package func setIdentity(_ identity: MemberIdentity) { driver.engine.setIdentity(identity) }

    /// Begins a round on every link, because this member's map is known to lack something.
    package func reconcile() {
        driver.engine.reconcile(at: clock.moment())
        perform()
    }

    /// Says goodbye on every link and returns once all are closed.
    ///
    /// - Parameter lastWords: Entries that were just written, and that may not have come here by the store's changes yet:
    ///   they go before the goodbye, as far as a link takes something at once.
    package func shutDown(lastWords: EntryBatch? = nil) async {
        if let lastWords { driver.engine.committed(lastWords, from: nil, at: clock.moment()) }
        driver.engine.shutDown(at: clock.moment())
        for dial in dials.values { dial.cancel() }
        perform()
        guard !connections.isEmpty else { return }
        await withCheckedContinuation { drained.append($0) }
    }

    // MARK: Connections

    /// Serves a connection that a peer opened, until it ends.
    package func serve(_ link: LinkConnection) async {
        let id = driver.engine.accept(
            address: link.address, certificateHash: link.certificateHash, at: clock.moment())
        connections[id] = Connection(link: link)
        perform()
        await run(link, as: id)
    }

    /// Takes in what a connection brings, until it ends. The connection is registered and its first effects are
    /// performed before, in one go: an input between would perform them without it.
    private func run(_ link: LinkConnection, as id: LinkID) async {
        var detail = "the peer closed the connection"
        do {
            try await link.channel.executeThenClose { inbound, _ in
                for try await event in inbound { received(event, from: id) }
            }
        } catch {
            detail = ConnectionFailure.describe(error)
        }
        connections[id] = nil
        driver.engine.linkClosed(id, detail: detail, at: clock.moment())
        perform()
        if connections.isEmpty {
            for waiter in drained { waiter.resume() }
            drained = []
        }
    }

    private func received(_ event: LinkInbound, from id: LinkID) {
        switch event {
        case .message(let message):
            logger.debug("link \(id.raw): received \(message.label)")
            driver.engine.received(message, from: id, at: clock.moment())
        case .malformed(let error): driver.engine.receivedMalformed(error, from: id, at: clock.moment())
        }
        perform()
    }

    private func dial(_ id: LinkID, url: String) {
        guard let point = accessPoints[url] else {
            return driver.engine.dialFailed(id, reason: "it is no longer configured", at: clock.moment())
        }
        dials[id] = Task {
            do throws(DialError) {
                let link = try await dialler.dial(point)
                dials[id] = nil
                driver.engine.linkOpened(id, certificateHash: link.certificateHash, at: clock.moment())
                connections[id] = Connection(link: link)
                perform()
                await run(link, as: id)
            } catch {
                dials[id] = nil
                driver.engine.dialFailed(id, reason: error.description, at: clock.moment())
                perform()
            }
        }
    }

    // MARK: Effects

    /// Performs effects until there are none left; the timer is set then.
    private func perform() {
        guard driver.begin() else { return }
        var touched: Set<LinkID> = []
        var effects: [Effect] = []
        while driver.next(&effects) {
            for effect in effects { perform(effect, &touched) }
        }
        for id in touched { connections[id]?.link.channel.channel.flush() }
    }

    private func perform(_ effect: Effect, _ touched: inout Set<LinkID>) {
        switch effect {
        case .dial(let id, let url): dial(id, url: url)
        case .send(let id, let message): send(message, over: id, &touched)
        case .close(let id): close(id)
        case .freeze(let id, let round, let extent): freeze(id, round, extent)
        case .merge(let id, let batch, let scope, let position): merge(id, batch, scope, position)
        case .sketch(let id, let round, let symbolCount, let extent):
            ask(id) {
                try await $0.sketch(symbolCount: symbolCount, of: extent)
            } then: { engine, summary, moment in
                engine.sketched(id, round: round, summary, at: moment)
            }
        case .resolve(let id, let round, let itemIDs):
            ask(id) {
                try await $0.keys(ofItemIDs: itemIDs)
            } then: { engine, keys, moment in
                engine.resolved(id, round: round, keys: keys, at: moment)
            }
        case .read(let id, let round, let keys):
            ask(id) {
                try await $0.entries(of: keys, byteCountMax: Message.entriesByteCountTarget)
            } then: { engine, answer, moment in
                engine.read(id, round: round, answer.batch, keyCount: answer.keyCount, at: moment)
            }
        case .readChunk(let id, let round, let after, let byteCountMax):
            ask(id) {
                try await $0.chunk(after: after, byteCountMax: byteCountMax)
            } then: { engine, chunk, moment in
                engine.readChunk(id, round: round, chunk.batch, last: chunk.last, isEnd: chunk.isEnd, at: moment)
            }
        case .report(let report): observer(report)
        }
    }

    private func send(_ message: Message, over id: LinkID, _ touched: inout Set<LinkID>) {
        guard let channel = connections[id]?.link.channel.channel else { return }
        logger.debug("link \(id.raw): sending \(message.label)")
        if case .bye = message {
            connections[id]?.farewell = channel.writeAndFlush(message)
        } else {
            channel.write(message, promise: nil)
            touched.insert(id)
        }
    }

    private func close(_ id: LinkID) {
        guard let connection = connections[id] else {
            dials[id]?.cancel()
            return
        }
        let channel = connection.link.channel.channel
        if let farewell = connection.farewell, !connection.isClosing {
            connections[id]?.isClosing = true
            farewell.whenComplete { _ in channel.close(promise: nil) }
        } else {
            channel.close(promise: nil)
        }
    }

    private func freeze(_ id: LinkID, _ round: UInt32, _ extent: Extent) {
        do {
            driver.engine.froze(id, round: round, try store.summary(of: extent), at: clock.moment())
        } catch {
            driver.engine.storeFailed(id, at: clock.moment())
        }
    }

    private func merge(_ id: LinkID, _ batch: EntryBatch, _ scope: WriteScope, _ position: StreamPosition?) {
        let byteCount = batch.byteCount
        store.merge(batch, scope: scope, from: id) { result in
            Task { await self.merged(id, byteCount, position, result) }
        }
    }

    private func merged(
        _ id: LinkID, _ byteCount: Int, _ position: StreamPosition?, _ result: Result<MergeReceipt, any Error>
    ) {
        switch result {
        case .success(let receipt):
            driver.engine.merged(
                id, byteCount: byteCount, position: position, refused: receipt.refused, at: clock.moment())
        case .failure: driver.engine.mergeFailed(id, byteCount: byteCount, at: clock.moment())
        }
        perform()
    }

    /// Asks the store something that takes time, and hands the answer to the engine.
    private func ask<Answer: Sendable>(
        _ id: LinkID, _ question: @escaping @Sendable (any ReplicaStore) async throws -> Answer,
        then answer: @escaping @Sendable (inout GossipEngine, Answer, Moment) -> Void
    ) {
        let store = store
        Task {
            do {
                let value = try await question(store)
                answer(&driver.engine, value, clock.moment())
            } catch {
                // The store reports its own failures; the round is begun anew later.
                driver.engine.storeFailed(id, at: clock.moment())
            }
            perform()
        }
    }

    private func tick() {
        driver.tick(at: clock.moment())
        perform()
    }

    // MARK: Status

    /// All links, with what went over each.
    package var links: [(status: LinkStatus, bytesSent: Int, bytesReceived: Int)] {
        driver.engine.linkStatuses.map { status in
            let meter = connections[status.id]?.link.meter
            return (status, meter?.bytesSent ?? 0, meter?.bytesReceived ?? 0)
        }
    }

    /// The server id of a link's peer, while the link lasts.
    package func peer(of id: LinkID) -> ServerID? { driver.engine.peer(of: id) }

    /// What has come of each access point.
    package var accessPointStatuses: [AccessPointStatus] { driver.engine.accessPointStatuses }
    /// Whether most peers say that this member's clock is wrong.
    package var isClockWrong: Bool { driver.engine.isClockWrong }
    /// Whether full members are reached only through gateways.
    package var isPartitionedByGateways: Bool { driver.engine.isPartitionedByGateways }
}

/// The clocks of a node.
package struct NodeClock: Sendable {
    private let start = ContinuousClock.now
    private let wallTime: @Sendable () -> WallTime

    /// Uptime counts from here on.
    package init(wallTime: @escaping @Sendable () -> WallTime) { self.wallTime = wallTime }

    /// Since the clock was made. It never goes back.
    package func uptime() -> Duration { ContinuousClock.now - start }
    /// Uptime and wall time, read together.
    package func moment() -> Moment { Moment(uptime: uptime(), wall: wallTime()) }
}
