// One process of the external member: performs the effects of its hub as the real shell does.
import Engines
import Relay
import Replica
import SimulatedWorld

/// The shell around `RelayHub`.
final class ExternalProcess: SimulatedProcess {
    private(set) var hub: RelayHub
    private var outputs: [HubLinkID: Pipe] = [:]
    private var waiting: [DialID: (Result<Channel, RelayError>) -> Void] = [:]
    private var carried: [String: CarriedAtHub] = [:]
    private var connections: [ServerID: [Channel]] = [:]
    /// Connections that were used and may be used again, by whomever.
    var idle: [ServerID: [Channel]] = [:]

    private let started: Duration
    private var tickTime: Duration?

    private static let tickInterval: Duration = .milliseconds(250)

    override init(_ cluster: RelayCluster) {
        hub = RelayHub(settings: cluster.settings, random: cluster.newRandom())
        started = cluster.world.uptime
        super.init(cluster)
    }

    /// Ticks come when the hub says so, but no more often than every 250 ms.
    private func planTick() {
        guard let deadline = hub.nextDeadline else { return }
        let due = max(deadline, now + .nanoseconds(1))
        let time = started + Self.tickInterval * Int(((due - started) / Self.tickInterval).rounded(.up))
        if let tickTime, tickTime <= time { return }
        tickTime = time
        cluster.world.plan(at: time) { [self] in
            guard isAlive, tickTime == time else { return }
            tickTime = nil
            whenAwake { self.change { $0.tick(at: self.now) } }
        }
    }

    /// Changes the hub and does what it asks for.
    @discardableResult
    func change<Value, Failure: Error>(_ body: (inout RelayHub) throws(Failure) -> Value) throws(Failure) -> Value {
        defer { perform() }
        return try body(&hub)
    }

    private func perform() {
        for effect in hub.takeEffects() {
            switch effect {
            case .send(let link, let event, let id): outputs[link]?.send(event.text(id: id), from: 1)
            case .sendHeartbeat(let link): outputs[link]?.send(Array(": \n\n".utf8), from: 1)
            case .close(let link): closeOutput(link)
            case .cutOff(let member):
                for channel in connections.removeValue(forKey: member) ?? [] { soon { channel.cutOff() } }
            case .dialFailed(let dial, let error):
                guard let waiter = waiting.removeValue(forKey: dial) else {
                    cluster.world.violate("a connection failed for which nobody waits")
                    continue
                }
                soon { waiter(.failure(error)) }
            case .hasRoom(let stream): carried[stream]?.pump()
            case .deliver(let stream, let bytes): carried[stream]?.deliver(Array(bytes))
            case .streamEnded(let stream):
                guard let known = carried.removeValue(forKey: stream) else { continue }
                soon { known.channel.ended() }
            case .report: break
            }
        }
        cluster.ledger.check(hub.load, in: self)
        planTick()
    }

    private func closeOutput(_ link: HubLinkID) {
        outputs.removeValue(forKey: link)?.close(from: 1)
        soon { self.change { $0.linkClosed(link, detail: "it was closed here", at: self.now) } }
    }

    // MARK: Links

    func openLink(_ pipe: Pipe, lastEventID: String?) {
        pipe.ends[1].process = self
        add(pipe)
        do {
            try change { hub throws(RelayError) in
                let link = try hub.linkOpened(pipe.member.name, lastEventID: lastEventID, at: now)
                outputs[link] = pipe
                pipe.ends[1].onClosed = { [unowned self] in
                    outputs[link] = nil
                    change { $0.linkClosed(link, detail: "the connection ended", at: now) }
                }
            }
        } catch {
            pipe.close(from: 1)
        }
    }

    func drain() {
        change { $0.drain() }
        for link in outputs.keys.sorted(by: { $0.raw < $1.raw }) { closeOutput(link) }
    }

    // MARK: Connections

    /// A connection to a member, which it opens.
    func connect(to member: MemberSlot, _ done: @escaping (Result<Channel, RelayError>) -> Void) {
        if let channel = idle[member.name]?.popLast(), !channel.isClosed { return done(.success(channel)) }
        do {
            try change { hub throws(RelayError) in
                waiting[try hub.dial(member.name, at: now)] = done
            }
        } catch {
            done(.failure(error))
        }
    }

    /// A member has connected with a nonce.
    func accept(_ pipe: Pipe, _ nonce: String) {
        pipe.ends[1].process = self
        add(pipe)
        do {
            let dial = try change { hub throws(RelayError) in
                try hub.dialledBack(nonce, from: pipe.member.name, at: now)
            }
            cluster.ledger.granted(nonce, pipe.member)
            cluster.ledger.dialledBack += 1
            attach(.over(pipe, end: 1), dial, pipe.member.name)
        } catch {
            pipe.close(from: 1)
        }
    }

    private func attach(_ channel: Channel, _ dial: DialID, _ member: ServerID) {
        connections[member, default: []].removeAll(where: \.isClosed)
        connections[member, default: []].append(channel)
        guard let waiter = waiting.removeValue(forKey: dial) else { return channel.close() }
        soon { waiter(.success(channel)) }
    }

    // MARK: Carried streams

    func carry(_ nonce: String, by member: ServerID) -> RelayError? {
        do {
            let dial = try change { hub throws(RelayError) in try hub.carried(nonce, by: member, at: now) }
            guard let dial else { return nil }
            if let slot = cluster.member(member) { cluster.ledger.granted(nonce, slot) }
            cluster.ledger.carried += 1
            let stream = CarriedAtHub(nonce, member, self)
            carried[nonce] = stream
            attach(stream.channel, dial, member)
            return nil
        } catch {
            return error
        }
    }

    func take(
        _ bytes: [UInt8], at offset: UInt64, confirming count: UInt64, over stream: String, from member: ServerID
    ) -> RelayError? {
        do {
            try change { hub throws(RelayError) in
                try hub.received(bytes, at: offset, confirming: count, over: stream, from: member)
            }
            return nil
        } catch {
            cluster.ledger.refused(error)
            return error
        }
    }

    override func kill() {
        super.kill()
        letGo()
    }

    /// What refers to each other would stay for ever otherwise.
    func letGo() {
        (outputs, waiting, carried, connections, idle) = ([:], [:], [:], [:], [:])
    }

    // MARK: What is left

    var leftovers: String? {
        let connectionCount = connections.values.joined().count { !$0.isClosed }
        let load = hub.load
        let isEmpty = waiting.isEmpty && carried.isEmpty && connectionCount == 0 && load.dials == 0 && load.streams == 0
        if isEmpty, outputs.count == cluster.members.count, load.members == cluster.members.count { return nil }
        return "\(waiting.count) who wait, \(carried.count) carried streams, \(connectionCount) connections, "
            + "\(outputs.count) links, and the hub has \(load)"
    }
}

/// One end of a carried stream: what is to be sent, and what has come and was not passed on.
final class CarriedAtHub {
    let channel = Channel()
    private let stream: String
    private let member: ServerID
    private let process: ExternalProcess
    private var queue: ArraySlice<UInt8> = []
    private var isEnding = false
    /// How long whoever reads may take for a message, in microseconds.
    private let slowness: Int64
    private var passTime: Duration = .zero
    private var heldCount = 0

    init(_ stream: String, _ member: ServerID, _ process: ExternalProcess) {
        self.stream = stream
        self.member = member
        self.process = process
        slowness = process.cluster.random.oneIn(4) ? 200_000 : 20_000
        channel.carrySend = { [self] bytes in
            queue += bytes
            pump()
        }
        channel.carryClose = { [self] in
            isEnding = true
            pump()
        }
    }

    func pump() {
        while !queue.isEmpty, let room = process.hub.room(of: stream, to: member), room > 0 {
            let part = Array(queue.prefix(min(room, CarriedStream.chunkByteCount)))
            queue.removeFirst(part.count)
            process.change { $0.send(part, over: stream, to: member) }
        }
        if isEnding, queue.isEmpty {
            isEnding = false
            process.soon { [self] in process.change { $0.end(stream, of: member) } }
        }
    }

    /// Whoever reads takes his time.
    func deliver(_ bytes: [UInt8]) {
        heldCount += bytes.count
        process.cluster.ledger.check(window: heldCount)
        let pause = Duration.microseconds(Int64.random(in: 0...slowness, using: &process.cluster.random))
        passTime = max(passTime, process.now) + pause
        process.cluster.world.plan(at: passTime) { [self] in
            process.whenAwake { [self] in
                channel.received(bytes)
                heldCount -= bytes.count
                process.change { $0.passed(bytes.count, over: stream, from: member) }
            }
        }
    }
}
