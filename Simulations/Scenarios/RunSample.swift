// What a run looks like at one moment, for pictures.
import Gossip
import Replica
import SimulatedWorld

/// A run at one moment.
package struct RunSample: Sendable {
    /// Since the beginning.
    package let seconds: Double
    /// The part of all entries, at all members, that is there in its newest version.
    package let upToDate: Double
    /// Pairs of members, by number, with an open link.
    package let links: [(Int, Int)]
    /// Directions, by number, in which nothing passes.
    package let blocked: [(Int, Int)]
    /// Members whose process is down or stopped.
    package let down: [Int]

    package var isDisturbed: Bool { !blocked.isEmpty || !down.isEmpty }
}

extension Run {
    /// The run as it is now.
    package var sample: RunSample {
        let members = world.members.prefix(plan.memberCount)
        var newest: [Int32: EntryNumber] = [:]
        for member in members {
            member.store.forEach { number in
                let entry = world.pool[number]
                if let known = newest[entry.keyNumber], world.pool[known].precedence > entry.precedence { return }
                newest[entry.keyNumber] = number
            }
        }
        var presentCount = 0
        for member in members {
            member.store.forEach { if newest[world.pool[$0].keyNumber] == $0 { presentCount += 1 } }
        }
        let links = world.connections.filter(\.isOpen).map { ($0.ends[0].member.number, $0.ends[1].member.number) }
        return RunSample(
            seconds: world.uptime / .seconds(1),
            upToDate: newest.isEmpty ? 1 : Double(presentCount) / Double(newest.count * members.count),
            links: links.filter { $0.0 < plan.memberCount && $0.1 < plan.memberCount },
            blocked: world.blockedPaths.filter { $0.0 < plan.memberCount && $0.1 < plan.memberCount },
            down: members.filter { !$0.isUp || $0.isPaused }.map(\.number))
    }
}
