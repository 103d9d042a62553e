// What is looked at while a run goes on: bounds, keys, twins, dialling, and who sits in between.
import Gossip
import Replica
import SimulatedWorld
import Trust

/// Looks at every member now and then, and at some reports at once.
final class Checks {
    private let world: World
    private let members: [Member]
    private(set) var maxima = RunReport.Maxima()
    /// Since when something is as it should not stay, in nanoseconds.
    private var since: [Trouble: Int64] = [:]

    private struct Trouble: Hashable {
        enum Kind { case unprovenLink, twinLinks, unnoticedClock }
        let kind: Kind
        let member: Int
        let peer: String
    }

    /// A link without a proven key ends within 5 s; of two links to one server id one is gone within 15 s.
    private static let unprovenLimit: Int64 = 6_000_000_000
    private static let twinLimit: Int64 = 20_000_000_000
    /// A member hears from its peers within a few pings that its clock is wrong.
    private static let clockLimit: Int64 = 22_000_000_000
    /// A map with fewer entries is streamed rather than reconciled, and rightly so.
    private static let smallMapCount = 50
    /// Streams and rounds that found something.
    private var streamCount = 0
    private var workRoundCount = 0
    /// The fewest differences that a round of the watched member found, by peer.
    private(set) var fewestDifferences: [ServerID: Int] = [:]
    private var watched: Member?
    /// Whether the faults of the run may make a peer break the protocol.
    private let toleratesProtocolErrors: Bool

    init(world: World, members: [Member], plan: Plan) {
        self.world = world
        toleratesProtocolErrors = plan.faults.contains(.duplication) || plan.faults.contains(.reordering)
        self.members = members
        world.onReport = { [unowned self] member, report in note(report, of: member) }
    }

    /// Follows the rounds of a member from now on.
    func watchRounds(of member: Member) { watched = member }

    func note(_ report: Report, of member: Member) {
        if case .roundFinished(_, let peer, let round) = report, member === watched, !round.isStream {
            fewestDifferences[peer] = min(fewestDifferences[peer] ?? .max, round.differenceCount)
        }
        switch report {
        case .linkUp(let link, let serverID, _, true) where member.isIntercepted(link):
            world.violate("\(member.name) opened a link to \(serverID) although somebody sits in between")
        case .linkDown(_, _, _, .protocolError, let detail) where !toleratesProtocolErrors:
            world.violate("\(member.name) ended a link whose peer does what the protocol allows: \(detail)")
        case .roundFinished(_, _, let round) where member.store.count >= Self.smallMapCount:
            streamCount += round.isStream ? 1 : 0
            workRoundCount += round.isStream || round.differenceCount > 0 ? 1 : 0
        default: break
        }
    }

    func look() {
        var seen: Set<Trouble> = []
        for member in members where member.isUp && !member.isPaused { look(at: member, &seen) }
        since = since.filter { seen.contains($0.key) }
    }

    private func look(at member: Member, _ seen: inout Set<Trouble>) {
        let settings = member.engine.settings
        let links = member.engine.linkStatuses
        let keys = Set(member.ring.ids)
        maxima.links = max(maxima.links, links.count)
        maxima.entries = max(maxima.entries, member.store.count)
        var openCounts: [String: Int] = [:]
        for link in links {
            let peer = link.serverID?.text ?? "a peer"
            maxima.queuedKeys = max(maxima.queuedKeys, link.queuedKeyCount)
            maxima.leftOutKeys = max(maxima.leftOutKeys, link.leftOutKeyCount)
            if link.queuedKeyCount > settings.outboxKeyCountMax {
                world.violate("\(member.name) queues \(link.queuedKeyCount) keys for \(peer)")
            }
            if link.leftOutKeyCount > settings.leftOutCountMax {
                world.violate("\(member.name) leaves out \(link.leftOutKeyCount) keys of \(peer)")
            }
            guard link.phase == .open else { continue }
            openCounts[peer, default: 0] += 1
            if keys.isDisjoint(with: link.keyIDs) {
                let trouble = Trouble(kind: .unprovenLink, member: member.number, peer: peer)
                lasts(trouble, &seen, Self.unprovenLimit, "keeps a link to \(peer) without a key that it has")
            }
        }
        if isClockWrongUnnoticed(member, links) {
            let trouble = Trouble(kind: .unnoticedClock, member: member.number, peer: "")
            lasts(trouble, &seen, Self.clockLimit, "does not know that its clock is wrong")
        }
        for (peer, count) in openCounts.sorted(by: { $0.key < $1.key }) where count > 1 {
            let trouble = Trouble(kind: .twinLinks, member: member.number, peer: peer)
            lasts(trouble, &seen, Self.twinLimit, "keeps \(count) links to \(peer)")
        }
    }

    /// Whether all peers of a member, whose clocks are right and who have answered, could have told it better.
    private func isClockWrongUnnoticed(_ member: Member, _ links: [LinkStatus]) -> Bool {
        guard abs(member.clockOffset) > 70_000, !member.engine.isClockWrong else { return false }
        let open = links.filter { $0.phase == .open }
        return !open.isEmpty
            && open.allSatisfy { link in
                guard link.roundTrip != nil, let peer = members.first(where: { $0.serverID == link.serverID }) else {
                    return false
                }
                return peer.clockOffset == 0 && peer.isUp && !peer.isPaused
            }
    }

    private func lasts(_ trouble: Trouble, _ seen: inout Set<Trouble>, _ limit: Int64, _ what: String) {
        seen.insert(trouble)
        let began = since[trouble] ?? world.now
        since[trouble] = began
        if world.now - began > limit {
            world.violate("\(members[trouble.member].name) \(what)")
            since[trouble] = world.now
        }
    }

    // MARK: At the end

    /// Maps that have most in common are reconciled by symbols, not streamed whole.
    func checkStreams() {
        guard streamCount > 30, streamCount * 2 > workRoundCount else { return }
        world.violate("\(streamCount) of \(workRoundCount) rounds that found something ended in streams")
    }

    /// Nobody dials faster than the backoff allows, however much goes wrong.
    func checkDialling(targetCount: Int) {
        // A quarter of a second at first, and twice as long after each failure.
        let most = Double(targetCount) * (world.uptime / .seconds(1) + 20) + 100
        if Double(world.dialCount) > most { world.violate("\(world.dialCount) dials of \(targetCount) access points") }
    }

    /// Without faults and without rings of links hardly an entry crosses a connection twice, which a round beside the
    /// live change may make it do, and none comes back regularly.
    func checkCopies() {
        var entryCount = 0
        var repeatedCount = 0
        for connection in world.connections {
            let both = connection.ends[0].sentEntries.merging(connection.ends[1].sentEntries, uniquingKeysWith: +)
            entryCount += both.count
            repeatedCount += both.values.count { $0 > 1 }
        }
        if repeatedCount * 20 > entryCount {
            world.violate("\(repeatedCount) of \(entryCount) entries crossed one connection more than once")
        }
    }
}
