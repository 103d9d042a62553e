// Faults of disks, processes, clocks and keys.
import Foundation
import Gossip
import Replica
import SimulatedWorld
import Trust

extension FaultInjector {
    // MARK: Disks

    func injectIntoStore(_ kind: FaultKind) {
        guard let member = runningMember() else { return }
        switch kind {
        case .slowStore:
            member.storeDelay = seconds(0.01...0.5)
            happened(.slowStore)
            later(seconds(5...30)) { member.storeDelay = .zero }
        case .storeError:
            member.storeFails = true
            happened(.storeError)
            later(seconds(1...15)) { member.storeFails = false }
        case .missedChanges:
            member.losesChanges = true
            happened(.missedChanges)
            later(seconds(0.5...5)) { member.missChanges() }
        default: rollBack(member)
        }
    }

    /// An administrator, or a snapshot of the disk, brings back an older data directory.
    private func rollBack(_ member: Member) {
        if let disk = member.store as? DiskStore { return rollBack(member, disk) }
        guard let old = (member.store as? MemoryStore)?.copy() else { return }
        later(seconds(3...40)) { [self] in
            guard member.isUp, let current = member.store as? MemoryStore, !current.isSame(as: old) else { return }
            member.stop(silently: Bool.random(using: &random))
            member.store = old
            oracle.rolledBack(member)
            member.start()
            happened(.rollback)
        }
    }

    /// The same with the real files.
    private func rollBack(_ member: Member, _ disk: DiskStore) {
        let file = URL(fileURLWithPath: disk.directory).appendingPathComponent("data.mdb")
        guard let old = try? Data(contentsOf: file) else { return }
        later(seconds(3...20)) { [self] in
            guard member.isUp, (try? Data(contentsOf: file)) != old else { return }
            member.stop(silently: Bool.random(using: &random))
            do {
                try old.write(to: file)
            } catch {
                return world.violate("the old copy of \(file.path) could not be put back: \(error)")
            }
            member.start()
            oracle.rolledBack(member)
            happened(.rollback)
        }
    }

    // MARK: Processes

    func injectIntoProcess(_ kind: FaultKind) {
        guard let member = runningMember() else { return }
        switch kind {
        case .restart:
            member.stop(silently: Bool.random(using: &random))
            happened(.restart)
            later(seconds(0...10)) { member.start() }
        case .away:
            member.stop(silently: Bool.random(using: &random))
            happened(.away)
            // Whoever is not back when the faults end is started then.
            let rest = Double(world.uptime / .seconds(1))
            later(seconds(20...max(30, rest))) { member.start() }
        case .pause:
            member.pause()
            happened(.pause)
            later(seconds(1...60)) { member.resume() }
        default: clone(member)
        }
    }

    private func clone(_ member: Member) {
        guard let store = (member.store as? MemoryStore)?.copy(), strangers.count < 8 else { return }
        let copy = world.add(
            "\(member.name)-copy\(strangers.count)", member.ring, serverID: member.serverID,
            settings: member.engine.settings, store: store)
        copy.clockOffset = member.clockOffset
        strangers.append(copy)
        copy.setAccessPoints(topology.dials[member.number].map { members[$0].url } + [member.url])
        happened(.clone)
        later(seconds(5...30)) { copy.stop(silently: false) }
    }

    // MARK: Clocks

    func injectIntoClock(_ kind: FaultKind) {
        guard let member = runningMember() else { return }
        switch kind {
        case .clockOffset:
            let minutes = Int64.random(in: 61_000...600_000, using: &random)
            setClock(of: member, to: Bool.random(using: &random) ? minutes : -minutes)
        case .clockYears:
            setClock(of: member, to: 10 * 365 * 86_400_000)
        default:
            // Steps stay within what other members tolerate, all of them together.
            let step = Int64.random(in: 1_000...25_000, using: &random)
            guard member.clockOffset - step > -50_000 else { return }
            setClock(of: member, to: member.clockOffset - step)
            return happened(kind)
        }
        happened(kind)
        later(seconds(5...40)) { [self] in setClock(of: member, to: 0) }
    }

    // MARK: Keys

    /// Adds a key everywhere, member by member, then takes the old one away, member by member.
    func rotateKeys() {
        guard let (both, new) = try? keys.nextRings() else { return }
        let pause = seconds(0...1)
        let order = members.filter { $0.number != topology.gateway }.shuffled(using: &random)
        for (position, member) in order.enumerated() {
            later(pause * position) { member.setKeys(both) }
        }
        let overlap = pause * order.count + seconds(0...5)
        later(overlap) { [self] in
            keys.use(both)
            for (position, member) in order.enumerated() {
                later(pause * position) { member.setKeys(new) }
            }
            later(pause * order.count) { [self] in
                keys.use(new)
                happened(.keyRotation)
            }
        }
    }

    /// Somebody without the key dials members, offers them what it has, and sits between them and an access point.
    func intrude() {
        guard let ring = try? KeyRing(RunKeys.foreignRing().keys), strangers.count < 8 else { return }
        let intruder = world.add("intruder\(strangers.count)", ring, settings: members[0].engine.settings)
        strangers.append(intruder)
        for number in 0..<20 { _ = try? intruder.put("data/intruder-\(number)") }
        intruder.setAccessPoints(members.map(\.url))
        happened(.intruder)
        guard let hub = topology.hubs.randomElement(using: &random) else { return }
        world.intercepted[members[hub].url] = random.bytes(32)
        for connection in world.connections where connection.isOpen && connection.ends[1].member === members[hub] {
            world.sever(connection)
        }
        later(seconds(5...20)) { [self] in world.intercepted[members[hub].url] = nil }
    }
}
