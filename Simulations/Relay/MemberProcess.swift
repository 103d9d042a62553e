// One process of a member: performs the effects of its link as the real shell does.
import Engines
import Relay
import SimulatedWorld

/// The shell around `RelayLink`.
final class MemberProcess: SimulatedProcess {
    let member: MemberSlot
    private var link: RelayLink
    private var attempts: [AttemptID: Pipe] = [:]
    private var carried: [String: CarriedAtMember] = [:]
    private var connections: [Channel] = []
    /// Something between the two lets no WebSocket through.
    private var isBlocked = false
    /// The nonce that came last, for a member that shows it where it should not.
    private(set) var latestNonce: String?
    /// Called with the next nonce that comes.
    var onNonce: ((String) -> Void)?
    private var tickTime: Duration?

    private static let tickInterval: Int64 = 250_000_000

    init(_ cluster: RelayCluster, _ member: MemberSlot) {
        self.member = member
        link = RelayLink(settings: cluster.settings, at: cluster.world.uptime, random: cluster.newRandom())
        super.init(cluster)
    }

    func start() { perform() }

    var isLinked: Bool { link.phase == .open }

    /// Ticks come every 250 ms; only those are made in which something is to be done.
    private func planTick() {
        guard let deadline = link.nextDeadline else { return }
        let due = max(deadline, now)
        let offset = Int64(member.number % 250) * 1_000_000
        let count = (due.wholeNanoseconds - offset) / Self.tickInterval + 1
        let time = Duration.nanoseconds(count * Self.tickInterval + offset)
        if let tickTime, tickTime <= time { return }
        tickTime = time
        cluster.world.plan(at: time) { [self] in
            guard tickTime == time else { return }
            tickTime = nil
            whenAwake {
                self.link.tick(at: self.now)
                self.perform()
            }
        }
    }

    private func perform() {
        for effect in link.takeEffects() {
            switch effect {
            case .connect(let attempt, let last): connect(attempt, last)
            case .disconnect(let attempt): attempts.removeValue(forKey: attempt)?.close(from: 0)
            case .sendHeartbeat(let name, let last, let roundTrip): sendHeartbeat(name, last, roundTrip)
            case .dialBack(let nonce): dialBack(nonce)
            case .received(let stream, let offset, let bytes): received(stream, offset, bytes)
            case .confirmed(let stream, let count): confirmed(stream, count)
            case .ended(let stream): carried.removeValue(forKey: stream)?.end()
            case .streamsLost:
                let lost = carried.sorted { $0.key < $1.key }
                carried = [:]
                for (name, stream) in lost {
                    stream.end()
                    tellEnd(of: name)
                }
            case .cutOff:
                for channel in connections { soon { channel.cutOff() } }
                connections = []
            case .report: break
            }
        }
        planTick()
    }

    // MARK: The event stream

    private func connect(_ attempt: AttemptID, _ last: String?) {
        cluster.noteAttempt()
        let pipe = Pipe(member, self, isLink: true, arrival: cluster.arrival(member, .up))
        attempts[attempt] = pipe
        var parser = EventStreamParser(byteCountMax: RelayEvent.byteCountMax)
        pipe.ends[0].onBytes = { [unowned self, unowned pipe] bytes in
            do throws(RelayError) {
                for part in try parser.parse(bytes) {
                    link.received(part, over: attempt, at: now)
                    perform()
                }
            } catch {
                cluster.world.violate("what \(member.name) receives is no event stream: \(error)")
                pipe.close(from: 0)
                ended(attempt, "\(error)")
            }
        }
        pipe.ends[0].onClosed = { [unowned self] in ended(attempt, "it closed the connection") }
        open(pipe) {
            $0.openLink(pipe, lastEventID: last)
        } refused: {
            self.ended(attempt, "refused")
        }
    }

    private func ended(_ attempt: AttemptID, _ detail: String) {
        attempts[attempt] = nil
        link.ended(attempt, detail: detail, at: now)
        perform()
    }

    /// The request that begins a connection.
    private func open(
        _ pipe: Pipe, _ accept: @escaping (ExternalProcess) -> Void, refused: @escaping () -> Void
    ) {
        let member = member
        cluster.world.plan(at: pipe.requestArrival) { [self] in
            guard !pipe.isDead else { return }
            guard let external = cluster.external else {
                cluster.world.plan(at: cluster.arrival(member, .down)) { [self] in
                    whenAwake {
                        pipe.cut(isTold: false)
                        pipe.close(from: 0)
                        refused()
                    }
                }
                return
            }
            external.whenAwake { accept(external) }
        }
    }

    private func sendHeartbeat(_ name: String, _ last: String?, _ roundTrip: Duration?) {
        let member = member.name
        let began = now
        cluster.ask(self) { external in
            do throws(RelayError) {
                try external.change { hub throws(RelayError) in
                    try hub.heard(member, link: name, last: last, roundTrip: roundTrip, at: external.now)
                }
                return nil
            } catch {
                return error
            }
        } _: { [self] answer in
            switch answer {
            case .done: link.heartbeatAnswered(name, .success(now - began), at: now)
            case .refused(let error): link.heartbeatAnswered(name, .failure(error), at: now)
            case .unreachable: link.heartbeatAnswered(name, .failure(.malformed("unreachable")), at: now)
            }
            perform()
        }
    }

    // MARK: Connections

    private func dialBack(_ nonce: String) {
        latestNonce = nonce
        cluster.ledger.said(nonce, member)
        onNonce?(nonce)
        if isBlocked { return carry(nonce) }
        guard member.path.letsUpgradesThrough else {
            return after(cluster.latency * 2) { [self] in
                isBlocked = true
                carry(nonce)
            }
        }
        open(nonce)
    }

    /// Opens a connection with a nonce, and serves what comes over it.
    func open(_ nonce: String) {
        let pipe = Pipe(member, self, isLink: false, arrival: cluster.arrival(member, .up))
        let channel = Channel.over(pipe, end: 0)
        connections.removeAll(where: \.isClosed)
        connections.append(channel)
        MemberServer(channel, self).start()
        open(pipe) {
            $0.accept(pipe, nonce)
        } refused: {
            channel.ended()
        }
    }

    private func carry(_ nonce: String) {
        let stream = CarriedAtMember(nonce, self)
        carried[nonce] = stream
        offer(nonce, until: now + cluster.settings.dialTime) { [self] isThere in
            guard isThere, carried[nonce] === stream else {
                stream.end()
                carried[nonce] = nil
                return tellEnd(of: nonce)
            }
            connections.removeAll(where: \.isClosed)
            connections.append(stream.channel)
            stream.start()
        }
    }

    /// Asks for a stream until it is there.
    private func offer(_ nonce: String, until giveUp: Duration, _ done: @escaping (Bool) -> Void) {
        let member = member.name
        retrying(until: giveUp) {
            self.carried[nonce] != nil
        } _: { external in
            external.carry(nonce, by: member)
        } _: { error in
            done(error == nil)
        }
    }

    // MARK: Carried streams

    /// Asks until the external member could be reached; gives the error with which it refused, or why it was given up.
    func retrying(
        until giveUp: Duration, while isWanted: @escaping () -> Bool,
        _ work: @escaping (ExternalProcess) -> RelayError?, _ done: @escaping (RelayError?) -> Void
    ) {
        cluster.ask(self, work) { [self] answer in
            switch answer {
            case .done: done(nil)
            case .refused(let error): done(error)
            case .unreachable:
                guard now < giveUp, isWanted() else { return done(.noAnswer(member.name)) }
                after(cluster.settings.retryMin) { [self] in
                    retrying(until: giveUp, while: isWanted, work, done)
                }
            }
        }
    }

    func tellEnd(of stream: String) {
        let member = member.name
        let settings = cluster.settings
        retrying(until: now + settings.silence + settings.resumeTime) {
            true
        } _: { external in
            external.change { $0.ended(stream, by: member) }
            return nil
        } _: { _ in
        }
    }

    func isCarried(_ stream: String) -> Bool { carried[stream] != nil }

    /// Whoever served a stream has ended.
    func ended(_ stream: String) {
        if carried.removeValue(forKey: stream) != nil { tellEnd(of: stream) }
    }

    private func received(_ stream: String, _ offset: UInt64, _ bytes: [UInt8]) {
        guard let known = carried[stream] else { return tellEnd(of: stream) }
        do {
            try known.take(offset, bytes)
        } catch {
            endBroken(stream, error)
        }
    }

    private func confirmed(_ stream: String, _ count: UInt64) {
        do {
            try carried[stream]?.confirm(count)
        } catch {
            endBroken(stream, error)
        }
    }

    private func endBroken(_ stream: String, _ error: RelayError) {
        cluster.ledger.refused(error)
        carried.removeValue(forKey: stream)?.end()
        tellEnd(of: stream)
    }

    override func kill() {
        super.kill()
        letGo()
    }

    /// What refers to each other would stay for ever otherwise.
    func letGo() {
        (attempts, carried, connections) = ([:], [:], [])
    }

    // MARK: What is left

    var leftovers: String? {
        let count = connections.count { !$0.isClosed }
        if carried.isEmpty, count == 0, attempts.count == 1 { return nil }
        return "\(carried.count) carried streams, \(count) connections and \(attempts.count) attempts"
    }
}
