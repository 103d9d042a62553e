// One member of the simulated world: an engine, a store, clocks, and a process that can be stopped and started.
import DequeModule
package import Gossip
package import Replica
package import Trust

/// A member with everything that belongs to its host.
package final class Member {
    package let name: String
    /// What it calls itself on links; a clone has its original's.
    package let serverID: ServerID
    /// Its position in `World.members`.
    package let number: Int
    package let url: String
    /// Other URLs that lead here.
    package var aliases: [String] = []
    package let world: World
    package var engine: GossipEngine
    package var store: any SimulatedStore { didSet { store.onChange = oldValue.onChange } }
    package var certificateHash: [UInt8]?
    /// Opens the store of a process that starts; without it a map in memory outlives the process.
    package var openStore: ((Member) -> any SimulatedStore)?

    // Clocks and disk
    /// How far this member's wall clock is ahead, in milliseconds.
    package var clockOffset: Int64 = 0 { didSet { if isUp { armExpiry() } } }
    /// How long the store takes for each thing asked of it, one after the other.
    package var storeDelay: Duration = .zero {
        didSet { storeDelayNanoseconds = storeDelay.wholeNanoseconds }
    }
    private var storeDelayNanoseconds: Int64 = 0
    /// The disk gives errors: nothing is committed, nothing is read.
    package var storeFails = false
    /// The feed of changes overflows: the engine learns of nothing until `missChanges` says that there was something.
    package var losesChanges = false
    /// How long committed changes are under way from the store to the engine.
    package var feedDelay: Duration = .zero

    // The process
    package private(set) var isUp = true
    /// Whether the next process knows audit entries; one of an earlier version does not.
    package var knowsAudit = true
    package private(set) var isPaused = false
    /// How often the process was started anew.
    package private(set) var incarnation = 0
    package private(set) var origin: Origin
    /// Every origin that this member's processes ever had.
    package private(set) var origins: [Origin]

    package private(set) var reports: [Report] = []
    /// Whether reports are kept; long runs of many members leave them out.
    package var keepsReports = true
    package internal(set) var byteCountSent = 0
    package private(set) var acceptedCount = 0
    var connections: [LinkID: (Connection, Int)] = [:]

    /// The cluster keys that this member is configured with.
    package private(set) var ring: KeyRing
    private var accessPoints: [String] = []
    let settings: EngineSettings
    private var deferred: [() -> Void] = []
    private var armed: Int64?
    /// What the engine's deadline was when its next tick was planned.
    private var armedDeadline: Duration?
    private var expiryArmed: Int64?
    /// What the store was asked and has not done yet.
    private var storeRequests: Deque<StoreRequest> = []
    private var isPerforming = false
    private var effects: [Effect] = []
    private var dueTickCount = 0
    /// No tick before this, once ticks have turned out to change nothing.
    private var restsUntil: Int64 = 0
    /// Purges are due at whole seconds after this.
    private let purgePhase: Int64

    init(
        name: String, serverID: ServerID, number: Int, url: String, ring: KeyRing, settings: EngineSettings,
        store: any SimulatedStore,
        world: World
    ) {
        self.name = name
        self.serverID = serverID
        self.number = number
        self.url = url
        self.world = world
        self.settings = settings
        self.ring = ring
        self.store = store
        origin = Origin(raw: world.random.next())
        origins = [origin]
        certificateHash = world.random.bytes(32)
        purgePhase = Int64.random(in: 0..<1_000_000_000, using: &world.random)
        engine = GossipEngine(
            identity: MemberIdentity(serverID: serverID, origin: origin, software: "test"), keyRing: ring,
            settings: settings, random: SplitMix64(seed: world.random.next()),
            at: Moment(uptime: world.uptime, wall: startOfTime))
    }

    /// What this member's wall clock shows.
    package var wall: WallTime {
        let milliseconds = Int64(startOfTime.milliseconds) + world.now / 1_000_000 + clockOffset
        return WallTime(milliseconds: UInt64(max(0, milliseconds)))
    }

    package var moment: Moment { Moment(uptime: world.uptime, wall: wall) }

    // MARK: Inputs

    /// Hands something to the engine and performs what it asks for; later, while the process is stopped.
    package func input(_ body: @escaping (inout GossipEngine, Moment) -> Void) {
        guard !isPaused else {
            let asked = incarnation
            return whenResumed { [self] in if incarnation == asked { input(body) } }
        }
        guard isUp else { return }
        body(&engine, moment)
        perform()
    }

    func accept(address: String) -> LinkID {
        acceptedCount += 1
        return engine.accept(address: address, certificateHash: certificateHash, at: moment)
    }

    package func setAccessPoints(_ urls: [String]) {
        accessPoints = urls
        input { $0.setAccessPoints(urls, at: $1) }
    }

    package func setKeys(_ ring: KeyRing) {
        self.ring = ring
        input { $0.setKeyRing(ring, at: $1) }
    }

    // MARK: The process

    /// Stops without a word and starts again as a new process with the same map and the same access points.
    ///
    /// - Parameter silently: Peers are not told, as after a power cut; else their connections are reset.
    package func restart(silently: Bool = true) {
        stop(silently: silently)
        start()
    }

    package func restart(dials: [String], silently: Bool = true) {
        accessPoints = dials
        restart(silently: silently)
    }

    /// Ends the process without a word.
    package func stop(silently: Bool) {
        guard isUp else { return }
        isUp = false
        isPaused = false
        deferred = []
        incarnation += 1
        for (connection, end) in orderedConnections {
            if silently { connection.isSilent = true } else { world.sever(connection) }
            connection.ends[end].isClosed = true
        }
        connections = [:]
        armed = nil
        armedDeadline = nil
        expiryArmed = nil
        storeRequests = []
        store.close()
    }

    /// Starts a process with an origin of its own.
    package func start() {
        guard !isUp else { return }
        isUp = true
        origin = Origin(raw: world.random.next())
        origins.append(origin)
        if let openStore { store = openStore(self) }
        var identity = MemberIdentity(serverID: serverID, origin: origin, software: "test")
        identity.knowsAudit = knowsAudit
        engine = GossipEngine(
            identity: identity, keyRing: ring,
            settings: settings, random: SplitMix64(seed: world.random.next()), at: moment)
        setAccessPoints(accessPoints)
        armExpiry()
    }

    /// Stops the process where it is, as SIGSTOP does: the network goes on, clocks go on, nothing else does.
    package func pause() { if isUp { isPaused = true } }

    package func resume() {
        guard isPaused else { return }
        isPaused = false
        let waiting = deferred
        deferred = []
        for action in waiting { action() }
    }

    func whenResumed(_ action: @escaping () -> Void) { deferred.append(action) }

    /// Whether somebody sits in between on a link's connection.
    package func isIntercepted(_ link: LinkID) -> Bool { connections[link]?.0.isIntercepted ?? false }

    private var orderedConnections: [(Connection, Int)] {
        connections.sorted { $0.key < $1.key }.map(\.value)
    }

    // MARK: Writes of this host

    /// Writes at once, as if the store took no time.
    @discardableResult
    package func write(_ writes: [LocalWrite]) throws -> [Entry] {
        let entries = try store.write(writes, now: wall, origin: origin)
        announce(EntryBatch(entries), from: nil)
        armExpiry()
        return entries
    }

    /// Asks the store to write; the closure gets what was committed, or nil where nothing was.
    package func submit(_ writes: [LocalWrite], _ done: @escaping ([Entry]?) -> Void) {
        guard isUp, !isPaused else { return done(nil) }
        ask { member in
            do {
                if member.storeFails { throw SimulatedDiskError() }
                done(try member.write(writes))
            } catch {
                done(nil)
            }
        }
    }

    /// Puts entries as they are, as a write of this host; for tests.
    package func commit(_ entries: [Entry]) {
        for entry in entries { memory.put(entry) }
        announce(EntryBatch(entries), from: nil)
    }

    /// Purges what has expired, as it would happen by itself within a second.
    package func expire() {
        guard isUp, !storeFails, let purged = try? store.expire(now: wall), !purged.isEmpty else { return }
        input { $0.expired(purged, at: $1) }
    }

    /// The feed of changes overflows: the engine is told only that it missed something.
    package func missChanges() {
        losesChanges = false
        input { $0.changesMissed(at: $1) }
    }

    // MARK: What can be seen

    package func openLinks(to peer: ServerID) -> [LinkStatus] {
        engine.linkStatuses.filter { $0.serverID == peer && $0.phase == .open }
    }

    package func forgetReports() { reports = [] }

    // MARK: Shell

    /// Performs what the engine asks for until there is nothing left, then sets the timer.
    func perform() {
        guard !isPerforming else { return }
        isPerforming = true
        while true {
            engine.takeEffects(&effects)
            if effects.isEmpty { break }
            for effect in effects { perform(effect) }
            effects.removeAll(keepingCapacity: true)
        }
        isPerforming = false
        arm()
    }

    private func perform(_ effect: Effect) {
        switch effect {
        case .dial(let link, let url): world.dial(link, from: self, url: url)
        case .send(let link, let message):
            guard let (connection, end) = connections[link] else { return }
            world.send(message, over: connection, from: end)
        case .close(let link):
            guard let (connection, end) = connections[link] else { return }
            world.close(connection, from: end)
        case .report(let report): take(report)
        case .freeze(let link, let round, let extent):
            ask(link) { $0.engine.froze(link, round: round, try $0.store.summary(of: extent), at: $0.moment) }
        case .merge(let link, let batch, let scope, let position): ask(.merge(batch, scope, link, position))
        case .sketch(let link, let round, let symbolCount, let extent):
            ask(link) {
                let summary = try $0.store.sketch(symbolCount: symbolCount, of: extent)
                $0.engine.sketched(link, round: round, summary, at: $0.moment)
            }
        case .resolve(let link, let round, let itemIDs):
            ask(link) { $0.engine.resolved(link, round: round, keys: try $0.store.resolve(itemIDs), at: $0.moment) }
        case .read(let link, let round, let keys):
            ask(link) {
                let answer = try $0.store.read(keys, byteCountMax: Message.entriesByteCountTarget)
                $0.engine.read(link, round: round, answer.batch, keyCount: answer.keyCount, at: $0.moment)
            }
        case .readChunk(let link, let round, let after, let byteCountMax):
            ask(link) {
                let part = try $0.store.chunk(after: after, byteCountMax: byteCountMax)
                $0.engine.readChunk(link, round: round, part.batch, last: part.last, isEnd: part.isEnd, at: $0.moment)
            }
        }
    }

    private func take(_ report: Report) {
        if keepsReports { reports.append(report) }
        world.onReport?(self, report)
        switch report {
        case .clockRight, .clockConfirmed: break
        default: return
        }
        restamp()
    }

    /// What was stamped ahead and refused by everybody is stamped anew, as the daemon does.
    private func restamp() {
        ask { member in
            do {
                if member.storeFails { throw SimulatedDiskError() }
                let batch = try member.store.restampAhead(now: member.wall, origin: member.origin)
                if !batch.isEmpty { member.announce(batch, from: nil) }
            } catch {
                let asked = member.incarnation
                member.world.plan(after: Self.restampRetryInterval) { [unowned member] in
                    if member.incarnation == asked { member.restamp() }
                }
            }
        }
    }

    private static let restampRetryInterval: Duration = .seconds(5)

    private func merge(_ batch: EntryBatch, _ scope: WriteScope, from link: LinkID, _ position: StreamPosition?) {
        do {
            if storeFails { throw SimulatedDiskError() }
            let merged = try store.merge(batch, now: wall, scope: scope)
            if !merged.changed.isEmpty {
                announce(merged.changed, from: link)
                armExpiry()
            }
            engine.merged(
                link, byteCount: batch.byteCount, position: position, refused: merged.refused, at: moment)
        } catch {
            engine.mergeFailed(link, byteCount: batch.byteCount, at: moment)
        }
    }

    /// Tells the engine of committed changes, as the store's feed does.
    private func announce(_ batch: EntryBatch, from link: LinkID?) {
        if losesChanges { return }
        guard feedDelay > .zero else {
            engine.committed(batch, from: link, at: moment)
            return perform()
        }
        let asked = incarnation
        world.plan(after: feedDelay) { [self] in
            if incarnation == asked { input { $0.committed(batch, from: link, at: $1) } }
        }
    }

    private func ask(_ link: LinkID, _ answer: @escaping (Member) throws -> Void) {
        ask { member in
            do {
                if member.storeFails { throw SimulatedDiskError() }
                try answer(member)
            } catch {
                member.engine.storeFailed(link, at: member.moment)
            }
        }
    }

    /// The store does one thing after the other, each as slowly as it is then.
    private func ask(_ answer: @escaping (Member) -> Void) { ask(.answer(answer)) }

    private func ask(_ request: StoreRequest) {
        storeRequests.append(request)
        if storeRequests.count == 1 { planAnswer() }
    }

    private func planAnswer() {
        world.plan(at: world.now + storeDelayNanoseconds, .answer(self, incarnation: incarnation))
    }

    /// The store has done what it was asked first.
    func takeAnswer(incarnation asked: Int) {
        guard incarnation == asked else { return }
        guard !isPaused else { return whenResumed { [self] in takeAnswer(incarnation: asked) } }
        guard let request = storeRequests.popFirst() else { return }
        if !storeRequests.isEmpty { planAnswer() }
        switch request {
        case .merge(let batch, let scope, let link, let position): merge(batch, scope, from: link, position)
        case .answer(let answer): answer(self)
        }
        perform()
    }

    // MARK: Timers

    /// Plans the next tick.
    private func arm() {
        guard let deadline = engine.nextDeadline else { return }
        if let armedDeadline, armedDeadline <= deadline { return }
        armedDeadline = deadline
        let due = max(deadline.roundedUpNanoseconds, world.now, restsUntil)
        if let armed, armed <= due { return }
        armed = due
        world.plan(at: due, .tick(self, incarnation: incarnation, due: due))
    }

    /// Time has passed; watches that ticks make progress.
    func tick(incarnation asked: Int, due: Int64) {
        guard incarnation == asked, armed == due else { return }
        guard !isPaused else { return whenResumed { [self] in tick(incarnation: asked, due: due) } }
        armed = nil
        armedDeadline = nil
        engine.tick(at: moment)
        let isDue = engine.nextDeadline.map { $0 <= world.uptime } == true
        dueTickCount = isDue ? dueTickCount + 1 : 0
        if dueTickCount > 2 {
            world.violate("\(name) stays due: \(dueTickCount) ticks have not moved its deadline")
            restsUntil = world.now + 100_000_000
        }
        perform()
    }

    /// Plans the purge of what expires next; the daemon looks once a second.
    private func armExpiry() {
        guard let expiry = store.nextPurge else { return }
        let wait = max(0, expiry.millisecondsSince(wall)).multipliedReportingOverflow(by: 1_000_000)
        guard !wait.overflow, wait.partialValue < Self.purgePlannedMax else { return }
        let earliest = world.now + wait.partialValue
        let seconds = (max(0, earliest - purgePhase) + 999_999_999) / 1_000_000_000
        let due = purgePhase + seconds * 1_000_000_000
        if let expiryArmed, expiryArmed <= due { return }
        expiryArmed = due
        let asked = incarnation
        world.plan(at: .nanoseconds(due)) { [self] in
            guard incarnation == asked, expiryArmed == due else { return }
            expiryArmed = nil
            expire()
            rearmExpiry()
        }
    }

    private func rearmExpiry() {
        // Where the disk fails or the process is stopped, the daemon looks again a second later.
        guard let expiry = store.nextPurge else { return }
        guard expiry <= wall else { return armExpiry() }
        let asked = incarnation
        world.plan(after: .seconds(1)) { [self] in
            guard incarnation == asked else { return }
            if !isPaused { expire() }
            rearmExpiry()
        }
    }

    /// Purges further ahead than this are planned when a change makes them come nearer, in nanoseconds.
    private static let purgePlannedMax: Int64 = 30 * 86_400 * 1_000_000_000

    /// Ends what refers to this member, so that the world can be let go.
    func letGo() {
        connections = [:]
        deferred = []
        store.onChange = nil
    }
}

/// What a store is asked to do. Nearly always it is to merge.
private enum StoreRequest {
    case merge(EntryBatch, WriteScope, LinkID, StreamPosition?)
    case answer((Member) -> Void)
}

/// The disk of a simulated member gives errors.
struct SimulatedDiskError: Error {}

extension Duration {
    var roundedUpNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + (attoseconds + 999_999_999) / 1_000_000_000
    }
}
