// Live changes: every committed change goes to every link whose peer may lack it, except the one it came from.
package import Replica
import OrderedCollections
import Trust

extension GossipEngine {
    /// Changes were committed to this member's map.
    package mutating func committed(_ batch: EntryBatch, from source: LinkID?, at moment: Moment) {
        now = moment
        forgetWithheld(batch)
        var own: EntryBatch?
        for (id, link) in links where link.phase == .open && id != source {
            var sent = batch
            if sendsOnlyOwnEntries(over: link) {
                own = own ?? ownEntries(of: batch)
                sent = own ?? batch
            }
            guard !sent.isEmpty else { continue }
            if link.outbox.isEmpty, !link.outbox.wasDropped, link.credit > 0,
                sent.byteCount <= Message.entriesByteCountTarget
            {
                send(.entries(Entries(purpose: .live, round: 0, position: [], batch: sent)), over: id)
            } else {
                queue(sent, for: id)
            }
        }
    }

    /// Entries left the map because they expired. Peers forget them by themselves.
    package mutating func expired(_ batch: EntryBatch, at moment: Moment) {
        now = moment
        forgetWithheld(batch)
    }

    /// Changes were missed: the buffer between store and engine overflowed. Every link finds out by a round.
    package mutating func changesMissed(at moment: Moment) {
        now = moment
        for id in links.keys where links[id]?.phase == .open {
            links[id]?.outbox.drop()
            pump(id)
        }
    }

    private mutating func queue(_ batch: EntryBatch, for id: LinkID) {
        guard links[id]?.outbox.wasDropped == false else { return }
        var outbox = links[id]?.outbox ?? Outbox()
        links[id]?.outbox = Outbox()
        batch.forEach { (_, key, _, encoded) in outbox.put(key: key.copy(), encoded: encoded.copy()) }
        if outbox.entries.count > settings.outboxKeyCountMax || outbox.byteCount > settings.outboxByteCountMax {
            if links[id]?.credit ?? 0 <= 0 || outbox.entries.count > settings.outboxKeyCountMax * 4 {
                report(
                    .outboxDropped(serverID: links[id]?.peerServerID ?? "", keyCount: outbox.entries.count))
                outbox.drop()
            }
        }
        links[id]?.outbox = outbox
        pump(id)
    }

    // MARK: Receiving

    mutating func receive(entries: Entries, from id: LinkID) {
        guard let link = links[id] else { return }
        let isStream = entries.purpose == .stream || entries.purpose == .streamEnd
        if isStream, link.pull?.round != entries.round {
            return close(id, .protocolError, "a stream came that was not asked for")
        }
        let position = StreamPosition(
            round: entries.round, lastKey: entries.position, isEnd: entries.purpose == .streamEnd)
        links[id]?.round?.lastProgress = now.uptime
        effects.append(.merge(id, entries.batch, scope: scope(of: link), position: isStream ? position : nil))
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
        links[id]?.creditToReturn = isWorthwhile ? 0 : owed
        if isWorthwhile { send(.credit(byteCount: UInt32(clamping: owed)), over: id) }
    }

    mutating func receive(credit byteCount: UInt32, from id: LinkID) {
        guard let link = links[id], let granted = link.peerHello?.credit else { return }
        // What is granted never exceeds the window of the hello; anything else is a peer out of its mind.
        links[id]?.credit = min(link.credit + Int(byteCount), Int(granted))
        pump(id)
    }

    // MARK: Refusals

    private mutating func tellRefused(_ id: LinkID, _ refused: [RefusedEntry]) {
        guard let link = links[id], link.phase == .open else { return }
        links[id]?.refusedCount += refused.count
        for start in stride(from: 0, to: refused.count, by: RefusedEntry.countMax) {
            send(.refused(Array(refused[start..<min(start + RefusedEntry.countMax, refused.count)])), over: id)
        }
        report(refusals: refused, link, byPeer: false)
    }

    mutating func receive(refused: [RefusedEntry], from id: LinkID) {
        guard let link = links[id] else { return }
        for entry in refused {
            links[id]?.withheld[entry.key] = Withheld(digest: entry.digest, lapses: entry.lapses)
        }
        report(refusals: refused, link, byPeer: true)
        guard let count = links[id]?.withheld.count, count > settings.withheldCountMax else { return }
        links[id]?.withheld = [:]
        links[id]?.reconciliationRests = true
        report(.reconciliationRests(serverID: link.peerServerID ?? "", refusedCount: count))
    }

    private mutating func report(refusals: [RefusedEntry], _ link: Link, byPeer: Bool) {
        for refusal in Refusal.allCases {
            let entries = refusals.filter { $0.refusal == refusal }
            guard let first = entries.first else { continue }
            report(
                .refused(
                    serverID: link.peerServerID ?? "", count: entries.count, refusal: refusal, byPeer: byPeer,
                    example: String(decoding: first.key, as: UTF8.self)))
        }
    }

    /// A key that changed is no longer the entry that a peer refused.
    private mutating func forgetWithheld(_ batch: EntryBatch) {
        for id in links.keys where links[id]?.withheld.isEmpty == false {
            var keys: [[UInt8]] = []
            batch.forEach { (_, key, _, _) in keys.append(key.copy()) }
            for key in keys { links[id]?.withheld[key] = nil }
        }
    }

    /// The entries to leave out of reconciliation on a link, after forgetting those whose reason has lapsed.
    mutating func withheldDigests(_ id: LinkID) -> [Digest] {
        let wall = now.wall
        links[id]?.withheld.removeAll { $0.value.lapses.map { $0 <= wall } ?? false }
        return links[id]?.withheld.values.map(\.digest) ?? []
    }
}
