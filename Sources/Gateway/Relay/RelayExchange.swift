// The external member's end of the relay: the shell around `RelayHub`, which performs its effects.
import Engines
package import NIOCore
import NIOPosix
package import Relay
package import Replica
import Synchronization
import Transport

/// What an external member has of the others. On any other member it stays empty, and sets no timer.
///
/// Inputs come from any thread. The lock is held for the hub alone: effects are performed without it, by one caller at a
/// time and in the order of the hub, so that what is said over a link goes out in the order of its numbers. Tables of
/// what effects are about (`HubLinks`, `DialWaiters`, `SpareConnections`, `MemberConnections`, `HubStreams`) have locks of
/// their own, under which nothing is called; what an input creates is entered there before the hub's lock is let go.
package final class RelayExchange: Sendable {
    private let driver: Mutex<Driver<RelayHub, EventLoopTimer>>
    private let links = HubLinks()
    private let waiters = DialWaiters()
    private let spare = SpareConnections()
    let connections = MemberConnections()
    let streams = HubStreams()
    let group: any EventLoopGroup
    let now: @Sendable () -> Duration
    private let observer: @Sendable (RelayHub.Report) -> Void

    /// Links are looked after together: with many of them the times of some heartbeat or other would never end.
    private static let leeway: Duration = .milliseconds(250)

    /// - Parameter observer: Called in the order of what is reported, one call after the other; it must not block.
    package init(
        settings: RelaySettings = RelaySettings(), group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        observer: @escaping @Sendable (RelayHub.Report) -> Void
    ) {
        let start = ContinuousClock.now
        now = { ContinuousClock.now - start }
        let timer = EventLoopTimer(group.next(), leeway: Self.leeway, now: now)
        driver = Mutex(
            Driver(RelayHub(settings: settings, random: SystemRandomNumberGenerator()), timer: timer))
        self.group = group
        self.observer = observer
        timer.onDue { [weak self] in
            // The event loop has more to do than to perform effects.
            Task { self?.input { driver, now in driver.tick(at: now) } }
        }
    }

    // MARK: Inputs and effects

    /// Changes the hub and does what it asks for. Somebody else may be doing so: then it is done by him, soon.
    func change<Result: Sendable, Failure: Error>(
        _ body: (inout RelayHub, Duration) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try input { (driver, now) throws(Failure) in try body(&driver.engine, now) }
    }

    /// Looks at the hub, and changes nothing.
    func look<Result: Sendable>(_ body: (borrowing RelayHub) -> Result) -> Result {
        driver.withLock { body($0.engine) }
    }

    private func input<Result: Sendable, Failure: Error>(
        _ body: (inout Driver<RelayHub, EventLoopTimer>, Duration) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let now = now()
        var isPerforming = false
        defer { if isPerforming { performEffects() } }
        return try driver.withLock { (driver) throws(Failure) in
            defer { isPerforming = driver.begin() }
            return try body(&driver, now)
        }
    }

    private func performEffects() {
        var effects: [RelayHub.Effect] = []
        while driver.withLock({ $0.next(&effects) }) {
            for effect in effects { perform(effect) }
        }
    }

    private func perform(_ effect: RelayHub.Effect) {
        switch effect {
        case .send(let link, let event, let id):
            links.write(event.text(id: id), to: link)
            // It is the last word on a link.
            if case .drain = event { links.finish(link) }
        case .sendHeartbeat(let link): links.write(Array(": \n\n".utf8), to: link)
        case .close(let link): links.finish(link)
        case .cutOff(let member): connections.close(of: member)
        case .dialFailed(let dial, let error): waiters.take(dial)?.resume(throwing: error)
        case .hasRoom(let stream): streams.hasRoom(stream)
        case .deliver(let stream, let bytes): streams.deliver(bytes, to: stream)
        case .streamEnded(let stream): streams.end(stream)
        case .report(let report): observer(report)
        }
    }

    /// What the timer is set for; nil where there is nothing that time could change, and while a tick is at work.
    package var nextTick: Duration? { driver.withLock { $0.due } }

    // MARK: Links

    /// Opens a member's link.
    ///
    /// - Returns: What to send to it, until the link ends; after that `closeLink` has to be called.
    package func openLink(
        _ member: ServerID, lastEventID: String?, hasFullKey: Bool
    ) throws(RelayError) -> (id: HubLinkID, output: AsyncStream<ByteBuffer>) {
        try change { (hub, now) throws(RelayError) in
            let id = try hub.linkOpened(member, lastEventID: lastEventID, hasFullKey: hasFullKey, at: now)
            return (id, links.open(id))
        }
    }

    /// A link's stream of events has ended.
    package func closeLink(_ id: HubLinkID, detail: String) {
        links.ended(id)
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
        await links.allEnded(within: limit)
    }

    // MARK: Connections

    /// A connection to a member, which it opens. Nothing has been said on it.
    package func connect(to member: ServerID) async throws -> any Channel {
        defer { askForSpare(member) }
        if let channel = spare.take(member), channel.isActive { return channel }
        return try await dial(member)
    }

    private func dial(_ member: ServerID) async throws -> any Channel {
        try await withCheckedThrowingContinuation { waiter in
            do throws(RelayError) {
                try change { (hub, now) throws(RelayError) in
                    waiters.add(waiter, for: try hub.dial(member, at: now))
                }
            } catch {
                waiter.resume(throwing: error)
            }
        }
    }

    /// Has one more connection opened, so that the next one who needs one does not wait.
    private func askForSpare(_ member: ServerID) {
        guard spare.isNeeded(by: member) else { return }
        Task {
            // Where there is none to be had, whoever needs one next is told why.
            spare.put(try? await dial(member), member)
        }
    }

    /// Judges the nonce with which a member opens a connection.
    package func accept(_ nonce: String, from member: ServerID) throws(RelayError) -> RelayGrant {
        let dial = try change { (hub, now) throws(RelayError) in try hub.dialledBack(nonce, from: member, at: now) }
        return RelayGrant(exchange: self, dial: dial, member: member)
    }

    /// Gives a connection that a member has opened to whoever waits for it.
    func attach(_ channel: any Channel, _ dial: DialID, _ member: ServerID) {
        connections.add(channel, of: member)
        if let waiter = waiters.take(dial) { waiter.resume(returning: channel) } else { channel.close(promise: nil) }
    }

    /// A connection whose nonce was good has not come about.
    func abandon(_ dial: DialID, _ member: ServerID) {
        waiters.take(dial)?.resume(throwing: RelayError.noAnswer(member))
    }
}
