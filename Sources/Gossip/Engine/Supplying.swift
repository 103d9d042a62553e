// Sending the entries that a round found: ids to keys by a scan, keys to entries as credit allows.
import OrderedCollections
package import Replica
import Trust

extension GossipEngine {
    mutating func receive(want: Want, from id: LinkID) {
        guard let link = links[id], let round = link.round, !round.isInitiator, round.id == want.round else { return }
        count(.want(want), over: id)
        var supply = link.supply ?? Supply(round: want.round)
        supply.resolvesPending += 1
        supply.endsOwed += 1
        link.supply = supply
        effects.append(.resolve(id, round: want.round, itemIDs: want.itemIDs))
    }

    /// Answer to `Effect.resolve`: the keys of those ids that are still in the map.
    package mutating func resolved(_ id: LinkID, round: UInt32, keys: [Key], at moment: Moment) {
        now = moment
        guard let link = links[id], link.supply?.round == round else { return }
        let allowed = sendsOnlyOwnEntries ? keys.filter { isOwn($0.bytes) } : keys
        link.supply?.resolvesPending -= 1
        link.supply?.keys += allowed
        link.round?.lastProgress = now.uptime
        pump(id)
    }

    /// Answer to `Effect.read`: entries of the first keys asked for, as many as fit.
    package mutating func read(
        _ id: LinkID, round: UInt32, _ batch: EntryBatch, keyCount: Int, at moment: Moment
    ) {
        now = moment
        guard let link = links[id], let supply = link.supply, supply.round == round, supply.isReading else { return }
        link.supply?.isReading = false
        // Live changes may have spent the credit meanwhile: the same keys are read again when there is more.
        guard links[id]?.credit ?? 0 > 0 else { return }
        link.supply?.keys = supply.keys.dropFirst(keyCount)
        link.round?.lastProgress = now.uptime
        let sent = sendable(batch, over: link)
        if !sent.isEmpty {
            send(.entries(Entries(purpose: .round, round: round, position: [], batch: sent)), over: id)
        }
        pump(id)
    }

    /// All that was owed is sent: say so.
    private mutating func endSupply(_ id: LinkID, _ supply: Supply, on link: Link) {
        link.supply = nil
        for _ in 0..<supply.endsOwed {
            sendCounted(.roundEnd(RoundEnd(round: supply.round, differenceCount: 0, roundTripCount: 0)), over: id)
        }
        finishIfExchanged(id)
    }

    /// Sends whatever waits for credit: live changes first, then what a round owes, then a stream.
    mutating func pump(_ id: LinkID) {
        while let link = links[id], link.phase == .open {
            if let supply = link.supply, supply.isIdle { endSupply(id, supply, on: link) }
            guard link.credit > 0 else { return }
            if !link.outbox.isEmpty {
                // The link's keys may have changed since they were put there.
                let batch = sendable(link.outbox.take(byteCountMax: Message.entriesByteCountTarget), over: link)
                if batch.isEmpty { continue }
                send(.entries(Entries(purpose: .live, round: 0, position: [], batch: batch)), over: link)
                continue
            }
            if link.wantsRound { beginWantedRound(id) }
            if let supply = link.supply, !supply.isReading, !supply.keys.isEmpty {
                link.supply?.isReading = true
                effects.append(.read(id, round: supply.round, keys: Array(supply.keys.prefix(Supply.keyCountMax))))
            }
            if let feeder = link.feeder, !feeder.isReading {
                link.feeder?.isReading = true
                effects.append(
                    .readChunk(
                        id, round: feeder.round, after: feeder.after,
                        byteCountMax: Message.entriesByteCountTarget))
            }
            return
        }
    }

    /// Begins a round that was put off, or asks the dialling end for it. One that runs is let finish first.
    private mutating func beginWantedRound(_ id: LinkID) {
        guard let link = links[id] else { return }
        if link.role == .acceptor {
            link.wantsRound = false
            send(.nudge, over: id)
        } else if link.round == nil {
            startRound(id)
        }
    }

    /// Whether a gateway with this member's server id may write a key.
    func isOwn(_ key: [UInt8]) -> Bool {
        let span = unsafe key.span.bytes
        return Admission.isOwn(span, serverID: Array(identity.serverID.text.utf8))
    }
}
