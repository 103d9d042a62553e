// One member of the virtual world: an engine, a store in memory, and a shell that performs effects.
import Gossip
import Replica
import Trust

final class Member {
    let name: String
    let url: String
    /// Other URLs that lead here.
    var aliases: [String] = []
    unowned let world: World
    var engine: GossipEngine
    var store = MemoryStore()
    var certificateHash: [UInt8]?
    /// How far this member's wall clock is ahead, in milliseconds.
    var clockOffset: Int64 = 0
    /// How long the store takes for each thing asked of it, one after the other.
    var storeDelay: Duration = .zero
    var storeFails = false
    var isUp = true
    private(set) var incarnation = 0
    private(set) var reports: [Report] = []
    var connections: [LinkID: (Connection, Int)] = [:]
    private var origin: Origin
    private let settings: EngineSettings
    private var armed: Duration?
    private var storeFreeAt: Duration = .zero
    private var isPerforming = false
    private var dueTickCount = 0
    /// No tick before this, once ticks have turned out to change nothing.
    private var restsUntil: Duration = .zero

    init(name: String, url: String, ring: KeyRing, settings: EngineSettings, world: World) {
        self.name = name
        self.url = url
        self.world = world
        self.settings = settings
        origin = Origin(raw: world.random.next())
        certificateHash = world.random.bytes(32)
        engine = GossipEngine(
            identity: MemberIdentity(serverID: name, origin: origin, software: "test"), keyRing: ring,
            settings: settings, random: SplitMix64(seed: world.random.next()),
            at: Moment(uptime: world.uptime, wall: startOfTests))
    }

    var wall: WallTime {
        let milliseconds = world.uptime / .milliseconds(1)
        return WallTime(milliseconds: UInt64(Int64(startOfTests.milliseconds) + Int64(milliseconds) + clockOffset))
    }

    var moment: Moment { Moment(uptime: world.uptime, wall: wall) }

    // MARK: Inputs

    func input(_ body: (inout GossipEngine, Moment) -> Void) {
        body(&engine, moment)
        perform()
    }

    func accept(address: String) -> LinkID {
        engine.accept(address: address, certificateHash: certificateHash, at: moment)
    }

    func setAccessPoints(_ urls: [String]) { input { $0.setAccessPoints(urls, at: $1) } }

    func setKeys(_ ring: KeyRing) { input { $0.setKeyRing(ring, at: $1) } }

    /// Stops without a word and starts again as a new process with the same map.
    func restart(dials: [String] = [], silently: Bool = true) {
        incarnation += 1
        for (connection, end) in connections.values {
            if silently { connection.isSilent = true } else { world.sever(connection) }
            connection.ends[end].isClosed = true
        }
        connections = [:]
        origin = Origin(raw: world.random.next())
        engine = GossipEngine(
            identity: MemberIdentity(serverID: name, origin: origin, software: "test"), keyRing: engine.keyRing,
            settings: settings, random: SplitMix64(seed: world.random.next()), at: moment)
        armed = nil
        setAccessPoints(dials)
    }

    // MARK: Writes

    @discardableResult
    func put(_ key: String, _ value: String = "v", lease: UInt64? = nil) throws -> Entry {
        try write(key, .put(Array(value.utf8), leaseMilliseconds: lease))
    }

    @discardableResult
    func delete(_ key: String) throws -> Entry { try write(key, .delete) }

    private func write(_ text: String, _ change: LocalWrite.Change) throws -> Entry {
        let key = try Key(text)
        let entry = LocalWrite(key: key, change: change)
            .entry(now: wall, origin: origin, replacing: store[key]?.version.clock)
        commit([entry])
        return entry
    }

    /// Puts entries as they are, as a write of this host.
    func commit(_ entries: [Entry]) {
        for entry in entries { store.put(entry) }
        input { $0.committed(EntryBatch(entries), from: nil, at: $1) }
    }

    func expire() {
        let keys = store.expired(at: wall)
        guard !keys.isEmpty else { return }
        let batch = EntryBatch(keys.compactMap { store.remove($0) })
        input { $0.expired(batch, at: $1) }
    }

    // MARK: What can be seen

    func value(_ key: String) throws -> String? {
        try store[Key(key)].flatMap { $0.isTombstone ? nil : String(decoding: $0.value, as: UTF8.self) }
    }

    func openLinks(to peer: String) -> [LinkStatus] {
        engine.linkStatuses.filter { $0.serverID == peer && $0.phase == .open }
    }

    var finishedRounds: [RoundStatistics] {
        reports.compactMap { if case .roundFinished(_, _, let statistics) = $0 { statistics } else { nil } }
    }

    var downs: [(reason: CloseReason, detail: String)] {
        reports.compactMap { if case .linkDown(_, _, _, let reason, let detail) = $0 { (reason, detail) } else { nil } }
    }

    var failures: [String] {
        reports.compactMap { if case .accessPointFailing(_, let reason, _) = $0 { reason } else { nil } }
    }

    func forgetReports() { reports = [] }

    // MARK: Shell

    func perform() {
        guard !isPerforming else { return }
        isPerforming = true
        while true {
            let effects = engine.takeEffects()
            if effects.isEmpty { break }
            for effect in effects { perform(effect) }
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
        case .report(let report): reports.append(report)
        case .freeze(let link, let round, let keys):
            ask(link) { $0.engine.froze(link, round: round, $0.store.summary(leavingOut: keys), at: $1) }
        case .merge(let link, let batch, let scope, let position): merge(link, batch, scope, position)
        case .sketch(let link, let round, let symbolCount, let keys):
            ask(link) {
                let summary = $0.store.sketch(symbolCount: symbolCount, leavingOut: keys)
                $0.engine.sketched(link, round: round, summary, at: $1)
            }
        case .resolve(let link, let round, let itemIDs):
            ask(link) { $0.engine.resolved(link, round: round, keys: $0.store.resolve(itemIDs), at: $1) }
        case .read(let link, let round, let keys):
            ask(link) {
                let answer = $0.store.read(keys, byteCountMax: Message.entriesByteCountTarget)
                $0.engine.read(link, round: round, answer.batch, keyCount: answer.keyCount, at: $1)
            }
        case .readChunk(let link, let round, let after, let byteCountMax):
            ask(link) {
                let part = $0.store.chunk(after: after, byteCountMax: byteCountMax)
                $0.engine.readChunk(link, round: round, part.batch, last: part.last, isEnd: part.isEnd, at: $1)
            }
        }
    }

    private func merge(_ link: LinkID, _ batch: EntryBatch, _ scope: WriteScope, _ position: StreamPosition?) {
        ask {
            guard !$0.storeFails else {
                return $0.engine.mergeFailed(link, byteCount: batch.byteCount, at: $1)
            }
            let merged = $0.store.merge(batch, now: $1.wall, scope: scope)
            if !merged.changed.isEmpty { $0.engine.committed(merged.changed, from: link, at: $1) }
            $0.engine.merged(
                link, byteCount: batch.byteCount, position: position, refused: merged.refused, at: $1)
        }
    }

    private func ask(_ link: LinkID, _ answer: @escaping (Member, Moment) -> Void) {
        ask { $0.storeFails ? $0.engine.storeFailed(link, at: $1) : answer($0, $1) }
    }

    /// The store does one thing after the other.
    private func ask(_ answer: @escaping (Member, Moment) -> Void) {
        storeFreeAt = max(storeFreeAt, world.uptime) + storeDelay
        let asked = incarnation
        world.plan(at: storeFreeAt) { [self] in
            guard incarnation == asked else { return }
            answer(self, moment)
            perform()
        }
    }

    /// Plans the next tick, and watches that ticks make progress.
    private func arm() {
        guard let deadline = engine.nextDeadline else { return }
        let due = max(deadline, world.uptime, restsUntil)
        if let armed, armed <= due { return }
        armed = due
        let asked = incarnation
        world.plan(at: due) { [self] in
            guard incarnation == asked, armed == due else { return }
            armed = nil
            engine.tick(at: moment)
            let isDue = engine.nextDeadline.map { $0 <= world.uptime } == true
            dueTickCount = isDue ? dueTickCount + 1 : 0
            if dueTickCount > 2 {
                world.violate("\(name) stays due: \(dueTickCount) ticks have not moved its deadline")
                restsUntil = world.uptime + .milliseconds(100)
            }
            perform()
        }
    }
}

/// Whether two maps are equal, byte by byte. A failed comparison of the bytes themselves would take minutes to print.
func haveEqualMaps(_ first: Member, _ second: Member) -> Bool {
    first.store.encoded() == second.store.encoded()
}
