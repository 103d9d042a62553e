// Live changes: every committed change goes to every link whose peer may lack it, except the one it came from.
import OrderedCollections
package import Replica
import Trust

extension GossipEngine {
    /// Changes were committed to this member's map.
    package mutating func committed(_ batch: EntryBatch, from source: LinkID?, at moment: Moment) {
        now = moment
        forgetLeftOut(batch)
        var own: EntryBatch?
        var withoutAudit: EntryBatch?
        let sendsOnlyOwn = sendsOnlyOwnEntries
        let hasAudit = batch.hasAudit
        for link in links.values where link.phase == .open {
            let id = link.id
            guard id != source else { continue }
            var sent = batch
            if sendsOnlyOwn {
                own = own ?? ownEntries(of: batch)
                sent = own ?? batch
            } else if hasAudit, !carriesAudit(link) {
                withoutAudit = withoutAudit ?? batch.withoutAudit
                sent = withoutAudit ?? batch
            }
            guard !sent.isEmpty else { continue }
            if link.credit > 0, link.outbox.isEmpty, sent.byteCount <= Message.entriesByteCountTarget {
                send(.entries(Entries(purpose: .live, round: 0, position: [], batch: sent)), over: link)
            } else {
                queue(sent, for: link)
            }
        }
    }

    /// Entries left the map because they expired. Peers forget them by themselves.
    package mutating func expired(_ batch: EntryBatch, at moment: Moment) {
        now = moment
        forgetLeftOut(batch)
    }

    /// Begins a round on every link.
    package mutating func reconcile(at moment: Moment) {
        now = moment
        for id in links.keys(in: .open) {
            links[id]?.wantsRound = true
            pump(id)
        }
    }

    /// Changes were missed: the buffer between store and engine overflowed. Every link finds out by a round.
    package mutating func changesMissed(at moment: Moment) {
        now = moment
        for id in links.keys(in: .open) {
            links[id]?.outbox = Outbox()
            links[id]?.wantsRound = true
            pump(id)
        }
    }

    private mutating func queue(_ batch: EntryBatch, for link: Link) {
        batch.forEach { (_, key, _, encoded) in link.outbox.put(key: key.copy(), encoded: encoded.copy()) }
        pump(link.id)
        guard
            link.outbox.entries.count > settings.outboxKeyCountMax
                || link.outbox.byteCount > settings.outboxByteCountMax
        else { return }
        // Said once, not for every further batch that the peer is too slow for.
        if !link.wantsRound, let serverID = link.peerServerID {
            report(.outboxDropped(serverID: serverID, keyCount: link.outbox.entries.count))
        }
        link.outbox = Outbox()
        link.wantsRound = true
    }

    // MARK: Receiving

    mutating func receive(entries: Entries, from link: Link) {
        let isStream = entries.purpose == .stream || entries.purpose == .streamEnd
        // Parts of a stream that was given up are entries like others.
        let isAwaited = isStream && link.pull?.round == entries.round
        let position = StreamPosition(
            round: entries.round, lastKey: entries.position, isEnd: entries.purpose == .streamEnd)
        // Live changes are no progress of a round: they would keep one alive for ever that has come to a halt.
        if entries.purpose != .live, link.round?.id == entries.round { link.round?.lastProgress = now.uptime }
        if isAwaited { link.pull?.entryCount += entries.batch.count }
        effects.append(.merge(link.id, entries.batch, scope: scope(of: link), position: isAwaited ? position : nil))
    }

    /// Answer to `Effect.merge`: the batch is committed.
    package mutating func merged(
        _ id: LinkID, byteCount: Int, position: StreamPosition?, refused: [RefusedEntry], at moment: Moment
    ) {
        now = moment
        returnCredit(id, byteCount)
        if !refused.isEmpty { tellRefused(id, refused) }
        if let position { streamAdvanced(id, position) }
    }

    /// Answer to `Effect.merge` when nothing was committed: the next round brings the entries again.
    package mutating func mergeFailed(_ id: LinkID, byteCount: Int, at moment: Moment) {
        now = moment
        returnCredit(id, byteCount)
        abandonRound(id)
    }

    /// Another answer from the store will not come.
    package mutating func storeFailed(_ id: LinkID, at moment: Moment) {
        now = moment
        abandonRound(id)
    }

    mutating func abandonRound(_ id: LinkID) {
        links[id]?.round = nil
        links[id]?.pull = nil
        links[id]?.feeder = nil
        links[id]?.supply = nil
        let due = now.uptime + jittered(.seconds(5))
        links[id]?.roundDue = due
    }

    /// Grants what was used up again, not in crumbs.
    mutating func returnCredit(_ id: LinkID, _ byteCount: Int) {
        guard let link = links[id], link.phase == .open else { return }
        let owed = link.creditToReturn + byteCount
        let isWorthwhile = owed >= settings.creditWindow / 8
        link.creditToReturn = isWorthwhile ? 0 : owed
        if isWorthwhile {
            link.peerCredit += owed
            send(.credit(byteCount: UInt32(clamping: owed)), over: link)
        }
    }

    /// Charges a received message. A peer that sends far more than it was granted is out of its mind.
    func charge(_ message: Message, from link: Link) -> Bool {
        let cost = message.creditCost
        guard cost > 0 else { return true }
        let granted = link.peerCredit
        link.peerCredit -= cost
        // One message may pass on the last byte of credit.
        return granted > 0
    }

    mutating func receive(credit byteCount: UInt32, from id: LinkID) {
        guard let link = links[id], let granted = link.peerHello?.credit else { return }
        // What is granted never exceeds the window of the hello; anything else is a peer out of its mind.
        link.credit = min(link.credit + Int(byteCount), Int(granted))
        pump(id)
    }

    // MARK: Refusals

    private mutating func tellRefused(_ id: LinkID, _ refused: [RefusedEntry]) {
        guard let link = links[id], link.phase == .open else { return }
        link.refusedCount += refused.count
        leaveOut(refused, on: id, clockOffset: 0)
        for start in stride(from: 0, to: refused.count, by: RefusedEntry.countMax) {
            send(.refused(Array(refused[start..<min(start + RefusedEntry.countMax, refused.count)])), over: id)
        }
        report(refusals: refused, link, byPeer: false)
    }

    mutating func receive(refused: [RefusedEntry], from id: LinkID) {
        guard let link = links[id] else { return }
        let helloOffset = link.peerHello?.wallTime.millisecondsSince(link.since.wall) ?? 0
        leaveOut(refused, on: id, clockOffset: link.clockOffsetMilliseconds ?? helloOffset)
        report(refusals: refused, link, byPeer: true)
    }

    /// Both ends leave a refused key out of their summaries: the one end its entry, the other an older one if it has
    /// one. So they agree on what is left.
    ///
    /// - Parameter clockOffset: How far the refusing end's clock is ahead of this one's, in milliseconds.
    private mutating func leaveOut(_ refused: [RefusedEntry], on id: LinkID, clockOffset: Int64) {
        for entry in refused {
            guard let key = try? Key(entry.key) else { continue }
            var wait =
                entry.lapses.map {
                    Duration.milliseconds($0.millisecondsSince(now.wall).subtractingReportingOverflow(clockOffset).0)
                } ?? Self.looksAgainAfter
            if entry.refusal == .expired { wait = min(wait, Self.expiredLongest) }
            links[id]?.leftOut[key] = LeftOut(lapses: now.uptime + min(wait, Self.leftOutLongest))
        }
        guard let link = links[id], let serverID = link.peerServerID, link.leftOut.count > settings.leftOutCountMax
        else { return }
        report(.reconciliationRests(serverID: serverID, refusedCount: link.leftOut.count))
        link.leftOut = [:]
        link.reconciliationRests = true
    }

    private mutating func report(refusals: [RefusedEntry], _ link: Link, byPeer: Bool) {
        guard let serverID = link.peerServerID else { return }
        for refusal in Refusal.allCases {
            let entries = refusals.filter { $0.refusal == refusal }
            guard let first = entries.first else { continue }
            report(
                .refused(
                    serverID: serverID, count: entries.count, refusal: refusal, byPeer: byPeer,
                    example: String(decoding: first.key, as: UTF8.self)))
        }
    }

    /// A reason that does not lapse by itself may be gone all the same: keys are proven and taken away, at both ends and
    /// not at the same moment. So its key is looked at again, which costs one more refusal where nothing has changed.
    private static let looksAgainAfter: Duration = .seconds(60)

    /// What has expired by the clock of the end that refuses it lapses within this, by the same clock. Anything later means
    /// that the clock was set since its offset was measured: an audit entry would be left out for a year.
    private static let expiredLongest: Duration = .milliseconds(KeyClass.tombstoneMarginMilliseconds)

    /// A peer may name any time; a century is as good as never.
    private static let leftOutLongest: Duration = .seconds(100 * 366 * 86_400)

    /// A key that changed no longer has the entry that was refused.
    private mutating func forgetLeftOut(_ batch: EntryBatch) {
        for link in links.values where !link.leftOut.isEmpty {
            batch.forEach { (_, key, _, _) in link.leftOut[Key(checked: key.copy())] = nil }
        }
    }

    /// The keys to leave out of reconciliation on a link, after forgetting those whose reason has lapsed.
    mutating func leftOutKeys(_ id: LinkID) -> [Key] {
        let uptime = now.uptime
        guard let link = links[id], !link.leftOut.isEmpty else { return [] }
        link.leftOut.removeAll { $0.value.lapses <= uptime }
        return Array(link.leftOut.keys)
    }
}
