// Faults of the network.
import Gossip
import NIOCore
import SimulatedWorld

extension FaultInjector {
    func inject(_ kind: FaultKind) {
        switch kind {
        case .delay: delay()
        case .clog: clog()
        case .loss:
            guard let connection = openConnection() else { return }
            world.sever(connection)
            happened(.loss)
        case .silentLoss:
            guard let connection = openConnection() else { return }
            connection.isSilent = true
            happened(.silentLoss)
        case .duplication: duplicationOneIn = Int.random(in: 2...10, using: &random)
        case .reordering: reorderingOneIn = Int.random(in: 2...10, using: &random)
        case .tear: tear()
        case .oneWayPartition: blockOneWay()
        case .partition: partition()
        case .onlyAccessPoints: leaveOnlyAccessPoints()
        case .reconnectAll: reconnectAll()
        case .slowStore, .storeError, .rollback, .missedChanges: injectIntoStore(kind)
        case .restart, .away, .pause, .clone: injectIntoProcess(kind)
        case .clockOffset, .clockStepBack, .clockYears: injectIntoClock(kind)
        case .keyRotation: rotateKeys()
        case .intruder: intrude()
        case .laterVersion:
            guard let member = runningMember() else { return }
            laterVersions.insert(member.number)
        }
    }

    private func delay() {
        guard let (source, target) = linkedPair() else { return }
        world.slow(source, target, by: seconds(0.05...0.8))
        happened(.delay)
        later(seconds(2...20)) { [self] in world.slow(source, target, by: .zero) }
    }

    private func clog() {
        guard let (source, target) = linkedPair() else { return }
        world.clog(source, target, for: seconds(1...12))
        happened(.clog)
    }

    /// The tear is counted when it happens; see `stop`.
    private func tear() {
        guard let connection = openConnection() else { return }
        let end = Int.random(in: 0..<2, using: &random)
        world.tear(connection, from: end, afterByteCount: Int.random(in: 0...3_000, using: &random))
    }

    // MARK: Partitions

    private func blockOneWay() {
        guard let (source, target) = linkedPair() else { return }
        world.block(source, target)
        happened(.oneWayPartition)
        later(seconds(2...40)) { [self] in world.unblock(source, target) }
    }

    private func partition() {
        let inside = Set(members.filter { _ in Bool.random(using: &random) }.map(\.number))
        separate(.partition) { inside.contains($0.number) != inside.contains($1.number) }
    }

    private func leaveOnlyAccessPoints() {
        let hubs = Set(topology.hubs.prefix(2))
        separate(.onlyAccessPoints) { !hubs.contains($0.number) && !hubs.contains($1.number) }
    }

    /// Blocks both directions between the pairs that the closure names.
    private func separate(_ kind: FaultKind, _ isSeparated: (Member, Member) -> Bool) {
        var pairs: [(Member, Member)] = []
        for (position, first) in members.enumerated() {
            for second in members[..<position] where isSeparated(first, second) { pairs.append((first, second)) }
        }
        guard !pairs.isEmpty else { return }
        let breaksConnections = Bool.random(using: &random)
        for (first, second) in pairs {
            world.block(first, second)
            world.block(second, first)
            if breaksConnections { world.openConnections(first, second).forEach { world.sever($0) } }
        }
        happened(kind)
        later(seconds(5...40)) { [self] in
            for (first, second) in pairs {
                world.unblock(first, second)
                world.unblock(second, first)
            }
        }
    }

    private func reconnectAll() {
        let open = world.connections.filter(\.isOpen)
        guard !open.isEmpty else { return }
        for connection in open { world.sever(connection) }
        happened(.reconnectAll)
    }

    // MARK: Messages

    /// The faults that change messages.
    var rewritingKinds: Set<FaultKind> { [.duplication, .reordering, .laterVersion] }

    /// Lets messages pass through the faults that change them.
    func installRewriting() {
        world.rewrite = { [self] source, target, bytes in
            var sent = [extended(bytes, from: source)]
            if laterVersions.contains(source.number), random.oneIn(10) {
                happened(.laterVersion)
                sent.append(ByteBuffer(bytes: [UInt8.random(in: 128...255, using: &random), 1, 2, 3]))
            }
            let isLive = bytes.readableBytes > 2 && bytes.getInteger(at: bytes.readerIndex, as: UInt16.self) == 0x0800
            if isLive, let oneIn = duplicationOneIn, random.oneIn(oneIn), !isNearlySpent(source, target) {
                happened(.duplication)
                sent.append(bytes)
            }
            return reordered(sent, isLive: isLive, source, target)
        }
    }

    /// What a later version adds at the end of a message, where the protocol leaves room for it. A hello is left as it
    /// is, because its sender, who is of this version after all, proves its keys over what it believes to have sent.
    private func extended(_ bytes: ByteBuffer, from source: Member) -> ByteBuffer {
        let type = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self)
        guard laterVersions.contains(source.number), type != 1, type != 8 else { return bytes }
        var longer = bytes
        longer.writeBytes([0xFA, 0xCE])
        happened(.laterVersion)
        return longer
    }

    /// Twice the bytes may be more than was granted; that a peer may send too much is tested elsewhere.
    private func isNearlySpent(_ source: Member, _ target: Member) -> Bool {
        guard let connection = world.openConnections(source, target).first else { return true }
        let end = connection.ends[0].member === source ? 0 : 1
        return connection.ends[end].outstanding * 4 > target.engine.settings.creditWindow
    }

    /// Holds a live change back until something else was sent.
    private func reordered(_ sent: [ByteBuffer], isLive: Bool, _ source: Member, _ target: Member) -> [ByteBuffer] {
        let path = PathNumbers(source: source.number, target: target.number)
        if let held = heldBack.removeValue(forKey: path) { return sent + [held] }
        guard isLive, sent.count == 1, let oneIn = reorderingOneIn, random.oneIn(oneIn) else { return sent }
        heldBack[path] = sent[0]
        happened(.reordering)
        return []
    }
}
