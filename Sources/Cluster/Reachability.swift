// Which members can be reached from here: the shell around `ReachEngine`.
package import Directory
import Engines
package import Gossip
package import NIOCore
package import OperatingSystem
package import Replica
import Synchronization
import Transport

/// What this member knows of the others' being within reach. It decides whom to ask first and never whom to ask at all,
/// because a member may be back. Its methods may be called on any thread.
package final class Reachability: Sendable {
    /// What came of trying the way to a member.
    package enum Outcome: Sendable {
        case reached
        /// With the reason, in words for people.
        case unreachable(String)
        /// It is not to be tried from here any more.
        case gone
    }

    /// Tries the way to a member.
    package typealias Probe = @Sendable (ServerID) async -> Outcome

    private let driver: Mutex<Driver<ReachEngine, EventLoopTimer>>
    private let probe = Mutex<Probe?>(nil)
    private let now: @Sendable () -> Duration
    /// Tells that whom this member cannot reach, or why, is another than before.
    package let changes = Observers<Void>()

    /// Probes are begun together where they are due at almost the same time.
    private static let leeway: Duration = .milliseconds(100)

    /// Doubts no member, and probes none before `start`.
    ///
    /// - Parameter loop: Keeps the time of the probes.
    package init(loop: any EventLoop) {
        let start = ContinuousClock.now
        now = { ContinuousClock.now - start }
        let timer = EventLoopTimer(loop, leeway: Self.leeway, now: now)
        driver = Mutex(Driver(ReachEngine(random: SystemRandomNumberGenerator()), timer: timer))
        timer.onDue { [weak self] in
            // The event loop has more to do than to perform effects.
            Task { self?.input { driver, now in driver.tick(at: now) } }
        }
    }

    // MARK: Inputs and effects

    private func change(_ body: (inout ReachEngine, Duration) -> Void) {
        input { driver, now in body(&driver.engine, now) }
    }

    private func input(_ body: (inout Driver<ReachEngine, EventLoopTimer>, Duration) -> Void) {
        let now = now()
        let isPerforming = driver.withLock { driver in
            body(&driver, now)
            return driver.begin()
        }
        guard isPerforming else { return }
        var effects: [ReachEngine.Effect] = []
        while driver.withLock({ $0.next(&effects) }) {
            for effect in effects { perform(effect) }
        }
    }

    private func perform(_ effect: ReachEngine.Effect) {
        switch effect {
        case .verdictsChanged: changes.tell(())
        case .probe(let member, let target):
            guard let probe = probe.withLock({ $0 }) else { return change { engine, _ in engine.remove(member) } }
            Task { [weak self] in
                switch await probe(member) {
                case .reached: self?.change { $0.probed(member, target, nil, at: $1) }
                case .unreachable(let reason): self?.change { $0.probed(member, target, reason, at: $1) }
                case .gone: self?.change { engine, _ in engine.remove(member) }
                }
            }
        }
    }

    // MARK: What is learnt

    /// Probes members from now on: those that may be asked for logins and sessions, and are not external.
    ///
    /// - Parameters:
    ///   - own: This member, which is not probed.
    ///   - isExternal: Whether this member is one just now: it opens no connections then.
    package func start(
        _ registry: Registry, own: ServerID, isExternal: @escaping @Sendable () -> Bool, probe: @escaping Probe
    ) {
        self.probe.withLock { $0 = probe }
        registry.events.observe { [self] in
            guard case .server(let update) = $0, update.serverID != own else { return }
            if update.isProbed, !isExternal(), let address = update.address {
                change { $0.add(update.serverID, ReachTarget(address: address, origin: update.origin), at: $1) }
            } else {
                change { engine, _ in engine.remove(update.serverID) }
            }
        }
    }

    /// Takes another time between the probes of a member.
    package func setInterval(_ interval: Duration) { change { engine, _ in engine.setInterval(interval) } }

    /// A connection to the member did not come about, or nothing was answered there, for a reason in words for people.
    package func failed(_ member: ServerID, _ reason: String) { change { $0.failed(member, reason, at: $1) } }

    /// The member answered.
    package func succeeded(_ member: ServerID) { change { $0.succeeded(member, at: $1) } }

    /// A connection to the member takes long.
    package func suspected(_ member: ServerID) { change { $0.suspected(member, at: $1) } }

    /// Takes what the gossip node tells of links.
    package func take(_ report: Report) {
        switch report {
        case .linkUp(_, let member, _, _): change { $0.linkOpened(member, at: $1) }
        case .linkDown(_, let member?, _, let reason, _) where Self.ends.contains(reason): suspected(member)
        default: break
        }
    }

    /// How links end whose member may be gone; other reasons are about keys, versions and duplicates.
    private static let ends: [CloseReason] = [.lost, .timeout, .shutdown]

    // MARK: Questions

    /// Whether the member is better asked after the others.
    package func isDoubtful(_ member: ServerID) -> Bool { look { $0.isDoubtful(member, at: $1) } }

    /// False for a member that was tried from here and could not be reached. True says nothing of one that was not tried.
    package func isReachable(_ member: ServerID) -> Bool { unreachability(of: member) == nil }

    /// Why the member cannot be reached from here, and since when; nil where nothing says so.
    package func unreachability(of member: ServerID) -> (reason: String, since: WallTime)? {
        look { engine, now in engine.unreachability(of: member, at: now).map { Self.dated($0, now) } }
    }

    /// All members that cannot be reached from here.
    package var unreachable: [ServerID: (reason: String, since: WallTime)] {
        look { engine, now in engine.unreachable(at: now).mapValues { Self.dated($0, now) } }
    }

    /// How long ago the member was reached; nil where it was not since it is where it is.
    package func reachedAgo(_ member: ServerID) -> Duration? {
        look { engine, now in engine.reached(member).map { now - $0 } }
    }

    private func look<Result: Sendable>(_ body: (borrowing ReachEngine, Duration) -> Result) -> Result {
        let now = now()
        return driver.withLock { body($0.engine, now) }
    }

    private static func dated(_ found: Unreachability, _ now: Duration) -> (reason: String, since: WallTime) {
        let milliseconds = max(0, Int64((now - found.since) / .milliseconds(1)))
        return (found.reason, WallTime(milliseconds: WallClock.milliseconds() - UInt64(milliseconds)))
    }
}

extension ServerUpdate {
    /// Whether the member may be asked for something, and by connections to it.
    fileprivate var isProbed: Bool { !isExternal && !isStopped && (loginsEnabled || sessionsEnabled || isDraining) }
}
