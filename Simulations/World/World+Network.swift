// How members dial each other, and how what they send arrives.
import Gossip
import NIOCore
import Replica

/// One direction between two members, by their numbers.
struct PathKey: Hashable {
    let source: Int
    let target: Int

    init(_ source: Member, _ target: Member) {
        self.source = source.number
        self.target = target.number
    }
}

/// What ails one direction between two members.
struct Path {
    /// Nothing passes. What is sent meanwhile arrives afterwards, if the connection lasts that long.
    var isBlocked = false
    /// Nothing arrives before this time, in nanoseconds.
    var cloggedUntil: Int64 = 0
    /// In nanoseconds.
    var extraLatency: Int64 = 0

    var isSound: Bool { !isBlocked && cloggedUntil == 0 && extraLatency == 0 }
}

extension World {
    /// How long a dialling member waits where nothing answers.
    package static let dialTimeout: Duration = .seconds(10)

    func dial(_ link: LinkID, from member: Member, url: String) {
        dialCount += 1
        let incarnation = member.incarnation
        plan(after: latency) { [self] in
            guard member.incarnation == incarnation else { return }
            guard let target = listener(at: url) else {
                return member.input { $0.dialFailed(link, reason: "unreachable", at: $1) }
            }
            if isBlocked(member, target) || isBlocked(target, member) || target.isPaused {
                // Whether nothing answers or somebody refuses is the network's choice.
                let wait = isBlocked(member, target) && isBlocked(target, member) ? .zero : Self.dialTimeout
                return plan(after: wait) {
                    guard member.incarnation == incarnation else { return }
                    member.input { $0.dialFailed(link, reason: "unreachable", at: $1) }
                }
            }
            connect(link, member, incarnation, target)
        }
    }

    private func connect(_ link: LinkID, _ dialler: Member, _ incarnation: Int, _ acceptor: Member) {
        let seen = intercepted[acceptor.url] ?? acceptor.certificateHash
        plan(after: latency) {
            guard dialler.incarnation == incarnation else { return }
            dialler.input { $0.linkOpened(link, certificateHash: seen, at: $1) }
        }
        let accepted = acceptor.accept(address: "from \(dialler.name)")
        connectionCount += 1
        let connection = Connection(
            number: connectionCount, dialler: (dialler, link), acceptor: (acceptor, accepted),
            isIntercepted: intercepted[acceptor.url] != nil)
        if !keepsAccounts, connections.count > 64, connections.count > connectionCountBeforeCleaning {
            connections.removeAll { !$0.isOpen }
            connectionCountBeforeCleaning = connections.count * 2
        }
        connections.append(connection)
        dialler.connections[link] = (connection, 0)
        acceptor.connections[accepted] = (connection, 1)
        acceptor.perform()
    }

    func send(_ original: Message, over connection: Connection, from end: Int) {
        let sender = connection.ends[end].member
        guard !connection.ends[end].isClosed else {
            // Whether the network took the connection away is not known at once; whoever closes it knows.
            if !connection.isSevered { violate("\(sender.name) sent \(original.name) after closing") }
            return
        }
        guard let message = tamper.map({ $0(sender, original) }) ?? original else { return }
        let bytes = message.encoded()
        messageCount += 1
        byteCount += bytes.readableBytes
        let problem = connection.account(
            message, byteCount: bytes.readableBytes, from: end, keepsAccounts: keepsAccounts)
        if let problem { violate(problem) }
        if tears(connection, end, bytes.readableBytes) { return }
        guard let rewrite else { return transmit(.message(bytes), over: connection, from: end) }
        for bytes in rewrite(sender, connection.ends[1 - end].member, bytes) {
            transmit(.message(bytes), over: connection, from: end)
        }
    }

    /// Whether the connection is torn within this message, so that what was sent before it still arrives.
    private func tears(_ connection: Connection, _ end: Int, _ byteCount: Int) -> Bool {
        guard let left = connection.ends[end].tornAfterByteCount else { return false }
        if left >= byteCount {
            connection.ends[end].tornAfterByteCount = left - byteCount
            return false
        }
        connection.ends[end].tornAfterByteCount = 0
        guard !connection.isTorn else { return true }
        connection.isTorn = true
        tornCount += 1
        plan(after: latency) { [self] in sever(connection) }
        return true
    }

    private func transmit(_ parcel: Parcel, over connection: Connection, from end: Int) {
        let receiver = connection.ends[1 - end]
        var arrival = now + latencyNanoseconds
        if latencyJitterNanoseconds > 0 {
            arrival += Int64.random(in: 0...latencyJitterNanoseconds, using: &random)
        }
        let key = PathKey(connection.ends[end].member, receiver.member)
        if !paths.isEmpty, let path = paths[key] {
            if path.isBlocked {
                if connection.ends[end].held.isEmpty { holding[key, default: []].append(connection) }
                connection.ends[end].held.append(parcel)
                return
            }
            arrival = max(arrival + path.extraLatency, path.cloggedUntil)
        }
        arrival = max(arrival, receiver.lastArrival)
        receiver.lastArrival = arrival
        plan(at: arrival, .arrive(connection, end: 1 - end, parcel))
    }

    func arrive(_ parcel: Parcel, over connection: Connection, at end: Int) {
        let receiver = connection.ends[end]
        guard !receiver.isClosed, !connection.isSilent, receiver.member.incarnation == receiver.incarnation else {
            return
        }
        guard !receiver.member.isPaused else {
            return receiver.member.whenResumed { [self] in arrive(parcel, over: connection, at: end) }
        }
        let (member, link) = (receiver.member, receiver.link)
        switch parcel {
        case .message(let bytes):
            mix(arrival: bytes, at: member)
            take(bytes, over: connection, at: end, member, link)
        case .end(let detail):
            mix(UInt64(bitPattern: now))
            receiver.isClosed = true
            member.connections[link] = nil
            member.engine.linkClosed(link, detail: detail, at: member.moment)
        }
        member.perform()
    }

    private func take(
        _ bytes: ByteBuffer, over connection: Connection, at end: Int, _ member: Member, _ link: LinkID
    ) {
        do throws(WireError) {
            guard let message = try Message.decode(bytes) else { return }
            if case .credit(let byteCount) = message { connection.ends[end].outstanding -= Int(byteCount) }
            onArrival?(connection.ends[1 - end].member, member, message)
            member.engine.received(message, from: link, at: member.moment)
        } catch {
            member.engine.receivedMalformed(error, from: link, at: member.moment)
        }
    }

    /// One end closes: what it sent before still arrives, then the other end sees the connection go.
    func close(_ connection: Connection, from end: Int, detail: String = "the connection was closed") {
        guard !connection.ends[end].isClosed else { return }
        connection.ends[end].isClosed = true
        let own = connection.ends[end]
        tellClosed(own, detail: detail)
        transmit(.end(detail: detail), over: connection, from: end)
    }

    private func tellClosed(_ own: Connection.End, detail: String) {
        plan(after: .zero) {
            guard own.member.incarnation == own.incarnation else { return }
            own.member.connections[own.link] = nil
            own.member.input { $0.linkClosed(own.link, detail: detail, at: $1) }
        }
    }

    package func openConnections(_ first: String, _ second: String) -> [Connection] {
        openConnections(self[first], self[second])
    }

    package func openConnections(_ first: Member, _ second: Member) -> [Connection] {
        connections.filter { $0.isOpen && $0.joins(first, second) }
    }

    /// The network breaks a connection: what is under way is lost, and both ends are told.
    package func sever(_ connection: Connection) {
        connection.isSevered = true
        for end in 0..<2 where !connection.ends[end].isClosed {
            connection.ends[end].isClosed = true
            tellClosed(connection.ends[end], detail: "connection reset")
        }
    }

    func isBlocked(_ source: Member, _ target: Member) -> Bool {
        paths.isEmpty ? false : paths[PathKey(source, target)]?.isBlocked ?? false
    }

    /// Sends what was held back while a way was blocked.
    func release(_ source: Member, _ target: Member) {
        let connections = holding.removeValue(forKey: PathKey(source, target)) ?? []
        for connection in connections.sorted(by: { $0.number < $1.number }) {
            let end = connection.ends[0].member === source ? 0 : 1
            let held = connection.ends[end].held
            connection.ends[end].held = []
            for parcel in held { transmit(parcel, over: connection, from: end) }
        }
    }
}
