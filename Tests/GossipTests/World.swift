// A small deterministic world: members, connections that carry real bytes, a virtual clock, and faults.
import Gossip
import NIOCore
import Replica
import Trust

final class World {
    private(set) var uptime: Duration = .zero
    private(set) var members: [Member] = []
    private(set) var connections: [Connection] = []
    var random: SplitMix64
    var latency: Duration = .milliseconds(10)
    var logsEntries = false
    /// Changes a message on its way from a member; nil loses it.
    var tamper: ((Member, Message) -> Message?)?
    /// What a dialling member sees as the certificate of a URL, where somebody sits in between.
    var intercepted: [String: [UInt8]] = [:]
    /// What went against the rules that always hold.
    private(set) var violations: [String] = []
    private(set) var dialCount = 0
    private var events = EventQueue()
    private var blocked: Set<Set<String>> = []

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    subscript(name: String) -> Member {
        guard let member = members.first(where: { $0.name == name }) else { preconditionFailure("no member \(name)") }
        return member
    }

    @discardableResult
    func add(
        _ name: String, _ ring: KeyRing, dials: [String] = [], settings: EngineSettings = EngineSettings(),
        url: String? = nil
    ) -> Member {
        let member = Member(name: name, url: url ?? name, ring: ring, settings: settings, world: self)
        members.append(member)
        if !dials.isEmpty { member.setAccessPoints(dials) }
        return member
    }

    /// Members `m0`, `m1`, … with one key, each dialling those that the closure names.
    func addMembers(
        _ count: Int, settings: EngineSettings = EngineSettings(), dials: (Int) -> [Int]
    ) throws {
        let ring = try makeRing(0)
        for number in 0..<count { add("m\(number)", ring, settings: settings) }
        for number in 0..<count { self["m\(number)"].setAccessPoints(dials(number).map { "m\($0)" }) }
    }

    // MARK: Time

    func plan(after delay: Duration, _ action: @escaping () -> Void) { plan(at: uptime + delay, action) }

    func plan(at time: Duration, _ action: @escaping () -> Void) {
        events.plan(at: max(time, uptime), action)
    }

    func run(for duration: Duration) {
        let end = uptime + duration
        while let next = events.nextTime, next <= end { step() }
        uptime = end
    }

    /// Runs until the condition holds; false when it did not within the limit.
    @discardableResult
    func run(until isDone: () -> Bool, limit: Duration = .seconds(300)) -> Bool {
        let end = uptime + limit
        while !isDone() {
            guard let next = events.nextTime, next <= end else {
                uptime = end
                return isDone()
            }
            step()
        }
        return true
    }

    private func step() {
        guard let event = events.take() else { return }
        uptime = max(uptime, event.time)
        event.action()
    }

    func violate(_ text: String) {
        if violations.count < 20 { violations.append("\(uptime): \(text)") }
    }

    // MARK: Connections

    func dial(_ link: LinkID, from member: Member, url: String) {
        dialCount += 1
        let incarnation = member.incarnation
        plan(after: latency) { [self] in
            let target = members.first { ($0.url == url || $0.aliases.contains(url)) && $0.isUp }
            guard let target, !blocked.contains([member.name, target.name]) else {
                guard member.incarnation == incarnation else { return }
                member.input { $0.dialFailed(link, reason: "unreachable", at: $1) }
                return
            }
            connect(link, member, incarnation, target)
        }
    }

    private func connect(_ link: LinkID, _ dialler: Member, _ incarnation: Int, _ acceptor: Member) {
        guard dialler.incarnation == incarnation else { return }
        let seen = intercepted[acceptor.url] ?? acceptor.certificateHash
        plan(after: latency) {
            guard dialler.incarnation == incarnation else { return }
            dialler.input { $0.linkOpened(link, certificateHash: seen, at: $1) }
        }
        let accepted = acceptor.accept(address: "from \(dialler.name)")
        let connection = Connection(
            dialler: (dialler, link), acceptor: (acceptor, accepted), latency: latency)
        connections.append(connection)
        dialler.connections[link] = (connection, 0)
        acceptor.connections[accepted] = (connection, 1)
        acceptor.perform()
    }

    func send(_ original: Message, over connection: Connection, from end: Int) {
        let sender = connection.ends[end]
        guard !sender.isClosed else { return violate("\(sender.member.name) sent \(original.name) after closing") }
        guard let message = tamper.map({ $0(sender.member, original) }) ?? original else { return }
        let bytes = message.encoded()
        let peer = connection.ends[1 - end].member
        let problem = connection.account(
            message, byteCount: bytes.readableBytes, from: end, window: peer.engine.settings.creditWindow)
        if let problem { violate(problem) }
        deliver(over: connection, to: 1 - end) { member, link, moment in
            do throws(WireError) {
                guard let decoded = try Message.decode(bytes) else { return }
                if case .credit(let byteCount) = decoded {
                    connection.ends[1 - end].outstanding -= Int(byteCount)
                }
                member.engine.received(decoded, from: link, at: moment)
            } catch {
                member.engine.receivedMalformed(error, from: link, at: moment)
            }
        }
    }

    /// Brings something to an end of a connection, after everything sent before.
    private func deliver(
        over connection: Connection, to end: Int, _ action: @escaping (Member, LinkID, Moment) -> Void
    ) {
        let arrival = max(uptime + connection.latency, connection.ends[end].lastArrival)
        connection.ends[end].lastArrival = arrival
        plan(at: arrival) {
            let receiver = connection.ends[end]
            guard !receiver.isClosed, !connection.isSilent, receiver.member.incarnation == receiver.incarnation else {
                return
            }
            action(receiver.member, receiver.link, receiver.member.moment)
            receiver.member.perform()
        }
    }

    /// One end closes: what it sent before still arrives, then the other end sees the connection go.
    func close(_ connection: Connection, from end: Int, detail: String = "the connection was closed") {
        guard !connection.ends[end].isClosed else { return }
        connection.ends[end].isClosed = true
        let own = connection.ends[end]
        plan(after: .zero) {
            guard own.member.incarnation == own.incarnation else { return }
            own.member.connections[own.link] = nil
            own.member.input { $0.linkClosed(own.link, detail: detail, at: $1) }
        }
        deliver(over: connection, to: 1 - end) { member, link, moment in
            connection.ends[1 - end].isClosed = true
            member.connections[link] = nil
            member.engine.linkClosed(link, detail: detail, at: moment)
        }
    }

    func openConnections(_ first: String, _ second: String) -> [Connection] {
        connections.filter { $0.isOpen && $0.joins(first, second) }
    }

    // MARK: Faults

    /// Breaks every connection between two members, losing what is under way, and lets them make no new one.
    func cut(_ first: String, _ second: String, staysCut: Bool = true) {
        if staysCut { blocked.insert([first, second]) }
        for connection in openConnections(first, second) { sever(connection) }
    }

    func heal(_ first: String, _ second: String) { blocked.remove([first, second]) }

    func healAll() { blocked = [] }

    func sever(_ connection: Connection) {
        for end in 0..<2 where !connection.ends[end].isClosed {
            connection.ends[end].isClosed = true
            let own = connection.ends[end]
            plan(after: .zero) {
                guard own.member.incarnation == own.incarnation else { return }
                own.member.connections[own.link] = nil
                own.member.input { $0.linkClosed(own.link, detail: "connection reset", at: $1) }
            }
        }
    }

    func silence(_ first: String, _ second: String) {
        for connection in openConnections(first, second) { connection.isSilent = true }
    }
}
