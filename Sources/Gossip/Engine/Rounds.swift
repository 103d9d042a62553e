// Reconciliation: finding out what two maps lack of each other, at a cost set by the difference.
//
// Source: Yang, Gilad, Alizadeh, "Practical Rateless Set Reconciliation", SIGCOMM 2024. Departure: symbols do not
// flow until they are enough, but in bursts sized by an estimate of the difference, so that overshoot stays bounded.
import NIOCore
import OrderedCollections
package import Replica
import Trust

extension GossipEngine {
    /// Begins a round on a link that this end dialled.
    ///
    /// - Parameter withAudit: False where the peer has just said that it does not compare audit entries.
    mutating func startRound(_ id: LinkID, withAudit: Bool = true) {
        links[id]?.roundDue = nil
        links[id]?.wantsRound = false
        guard let link = links[id], link.phase == .open, link.role == .dialler, !link.reconciliationRests else {
            return
        }
        guard link.round == nil, link.pull == nil, link.feeder == nil else {
            link.wantsRound = true
            return
        }
        let round = Round(
            id: nextRound(), isInitiator: true, withAudit: withAudit && carriesAudit(link), at: now.uptime)
        link.round = round
        effects.append(.freeze(id, round: round.id, extent(of: round, on: id)))
    }

    /// What both ends sum up in a round.
    private mutating func extent(of round: Round, on id: LinkID) -> Extent {
        let keys = leftOutKeys(id)
        // What is not counted cannot be left out.
        return Extent(
            withAudit: round.withAudit, leavingOut: round.withAudit ? keys : keys.filter { $0.keyClass != .audit })
    }

    /// Answer to `Effect.freeze`.
    package mutating func froze(_ id: LinkID, round: UInt32, _ summary: MapSummary, at moment: Moment) {
        now = moment
        guard let link = links[id], let state = link.round, state.id == round, case .freezing = state.stage else {
            return
        }
        let own = summary
        link.round?.own = own
        let message = Summary(
            round: round, count: UInt64(own.count), fingerprint: own.fingerprint, withAudit: state.withAudit)
        sendCounted(.summary(message), over: id)
        guard !state.isInitiator, let peer = state.peer else {
            link.round?.stage = .awaitingSummary
            return
        }
        // The two summaries are of different things: the dialler begins anew.
        guard peer.withAudit == state.withAudit else { return link.round = nil }
        link.round?.stage = .serving
        if message.count == peer.count, message.fingerprint == peer.fingerprint {
            link.round?.statistics.roundTripCount = 1
            finishRound(id)
        } else if !StreamRule.mustStream(ownCount: own.count, peerCount: Int(peer.count)) {
            sendSymbols(id, from: 0, to: Round.firstSymbolCount)
        }
    }

    mutating func receive(summary: Summary, from id: LinkID) {
        guard let link = links[id] else { return }
        if link.role == .acceptor {
            let withAudit = summary.withAudit && carriesAudit(link)
            var round = Round(id: summary.round, isInitiator: false, withAudit: withAudit, at: now.uptime)
            round.peer = summary
            link.round = round
            link.supply = nil
            count(.summary(summary), over: id)
            effects.append(.freeze(id, round: summary.round, extent(of: round, on: id)))
            return
        }
        guard let round = link.round, round.id == summary.round, let own = round.own,
            case .awaitingSummary = round.stage
        else { return }
        if round.withAudit, !summary.withAudit {
            // The keys of its end changed, or the two ends hold one key for different things.
            link.round = nil
            return startRound(id, withAudit: false)
        }
        link.round?.peer = summary
        link.round?.statistics.roundTripCount = 1
        link.round?.lastProgress = now.uptime
        count(.summary(summary), over: id)
        if summary.count == UInt64(own.count), summary.fingerprint == own.fingerprint {
            finishRound(id)
        } else if StreamRule.mustStream(ownCount: own.count, peerCount: Int(summary.count)) {
            startStream(id)
        } else {
            link.round?.stage = .awaitingSymbols(end: Round.firstSymbolCount)
        }
    }

    // MARK: The responder

    mutating func receive(symbolRequest request: SymbolRequest, from id: LinkID) {
        guard let link = links[id], let round = link.round, !round.isInitiator, round.id == request.round,
            let own = round.own
        else {
            return
        }
        link.round?.lastProgress = now.uptime
        count(.symbolRequest(request), over: id)
        if request.isFresh {
            link.round?.stage = .scanning(end: Int(request.end))
            let extent = extent(of: round, on: id)
            effects.append(.sketch(id, round: round.id, symbolCount: Int(request.end), extent))
        } else if Int(request.end) <= own.sketch.symbols.count {
            sendSymbols(id, from: Int(request.start), to: Int(request.end))
        } else {
            close(id, .protocolError, "symbols up to \(request.end) were asked for without asking for fresh ones")
        }
    }

    private mutating func sendSymbols(_ id: LinkID, from start: Int, to end: Int) {
        guard let link = links[id], let round = link.round, let own = round.own else { return }
        for part in stride(from: start, to: end, by: Message.symbolCountMax) {
            let partEnd = min(part + Message.symbolCountMax, end)
            let symbols = Symbols(
                round: round.id, start: UInt32(part), mapCount: UInt64(own.count),
                symbols: Array(own.sketch.symbols[part..<partEnd]))
            sendCounted(.symbols(symbols), over: id)
        }
    }

    /// Answer to `Effect.sketch`.
    package mutating func sketched(_ id: LinkID, round: UInt32, _ summary: MapSummary, at moment: Moment) {
        now = moment
        // An answer with another number of symbols is to an earlier question.
        guard let link = links[id], let state = link.round, state.id == round, case .scanning(let end) = state.stage,
            summary.sketch.symbols.count == end
        else { return }
        link.round?.own = summary
        link.round?.lastProgress = now.uptime
        if state.isInitiator {
            decodeFresh(id)
        } else {
            link.round?.stage = .serving
            sendSymbols(id, from: 0, to: end)
        }
    }

    // MARK: The initiator

    mutating func receive(symbols: Symbols, from id: LinkID) {
        guard let link = links[id], let round = link.round, round.isInitiator, round.id == symbols.round else { return }
        count(.symbols(symbols), over: id)
        link.round?.lastProgress = now.uptime
        switch round.stage {
        case .awaitingSymbols(let end):
            let range = Int(symbols.start)..<(Int(symbols.start) + symbols.symbols.count)
            guard let own = round.own, range.lowerBound == round.decoder.symbolCount, range.upperBound <= end else {
                return close(id, .protocolError, "symbols came out of order")
            }
            link.round?.decoder.append(remote: symbols.symbols[...], local: own.sketch.symbols[range])
            if range.upperBound == end { evaluate(id) }
        case .scanning(let end):
            guard Int(symbols.start) == round.early.count, round.early.count + symbols.symbols.count <= end else {
                return close(id, .protocolError, "symbols came out of order")
            }
            link.round?.early += symbols.symbols
            decodeFresh(id)
        case .freezing, .awaitingSummary, .exchanging, .awaitingStream, .serving: return
        }
    }

    /// Decodes once both ends' fresh symbols are there.
    private mutating func decodeFresh(_ id: LinkID) {
        guard let link = links[id], let round = link.round, case .scanning(let end) = round.stage, let own = round.own,
            own.sketch.symbols.count == end, round.early.count == end
        else { return }
        link.round?.early = []
        link.round?.decoder.append(remote: round.early[...], local: own.sketch.symbols[...])
        evaluate(id)
    }

    private mutating func evaluate(_ id: LinkID) {
        guard let link = links[id], let round = link.round, let own = round.own, let peer = round.peer else { return }
        link.round?.statistics.roundTripCount += round.decoder.symbolCount > Round.firstSymbolCount ? 1 : 0
        if round.decoder.isComplete {
            // Two entries with one item id cancel out: the maps differ where no symbol shows it.
            return round.decoder.foundCount > 0 ? exchange(id) : startStream(id)
        }
        let next = NextBurst.after(
            symbolCount: round.decoder.symbolCount, estimate: round.decoder.estimatedDifference,
            ownCount: own.count, peerCount: Int(peer.count))
        switch next {
        case .more(let end) where !round.decoder.isInconsistent && end <= own.sketch.symbols.count:
            link.round?.stage = .awaitingSymbols(end: end)
            request(id, from: round.decoder.symbolCount, to: end, isFresh: false)
        case .more(let end), .fresh(let end):
            link.failedRoundCount += round.decoder.isInconsistent ? 1 : 0
            guard link.failedRoundCount < 2 else { return startStream(id) }
            link.round?.stage = .scanning(end: end)
            link.round?.decoder = SketchDecoder()
            link.round?.early = []
            request(id, from: 0, to: end, isFresh: true)
            effects.append(.sketch(id, round: round.id, symbolCount: end, extent(of: round, on: id)))
        case .stream: startStream(id)
        }
    }

    private mutating func request(_ id: LinkID, from start: Int, to end: Int, isFresh: Bool) {
        guard let link = links[id], let round = link.round else { return }
        sendCounted(
            .symbolRequest(
                SymbolRequest(round: round.id, start: UInt32(start), end: UInt32(end), isFresh: isFresh)), over: id)
    }

    private mutating func exchange(_ id: LinkID) {
        guard let link = links[id], let round = link.round else { return }
        let wanted = round.decoder.remoteOnly
        let owed = round.decoder.localOnly
        link.round?.stage = .exchanging
        link.round?.statistics.differenceCount = wanted.count + owed.count
        link.failedRoundCount = 0
        for start in stride(from: 0, to: wanted.count, by: Want.itemCountMax) {
            let part = Array(wanted[start..<min(start + Want.itemCountMax, wanted.count)])
            link.round?.wantCount += 1
            sendCounted(.want(Want(round: round.id, itemIDs: part)), over: id)
        }
        if !wanted.isEmpty { link.round?.statistics.roundTripCount += 1 }
        if !owed.isEmpty {
            link.supply = Supply(round: round.id, resolvesPending: 1)
            effects.append(.resolve(id, round: round.id, itemIDs: owed))
        }
        finishIfExchanged(id)
    }

    mutating func finishIfExchanged(_ id: LinkID) {
        guard let link = links[id], let round = link.round, round.isInitiator, case .exchanging = round.stage,
            round.wantCount == 0, link.supply == nil
        else { return }
        finishRound(id)
    }

    mutating func finishRound(_ id: LinkID) {
        guard let link = links[id], let round = link.round, let serverID = link.peerServerID else { return }
        var statistics = round.statistics
        statistics.duration = now.uptime - round.started
        let end = Message.roundEnd(
            RoundEnd(
                round: round.id, differenceCount: UInt32(clamping: statistics.differenceCount),
                roundTripCount: UInt8(clamping: statistics.roundTripCount)))
        let isTold = round.isInitiator && (statistics.differenceCount > 0 || statistics.isStream)
        if isTold {
            statistics.byteCount += end.encoded().readableBytes
            send(end, over: id)
        }
        // After a stream a round finds what is left. Where that ends in a stream again, as with a gateway that may
        // not pass everything on, there is no hurry.
        let isFirstStream = statistics.isStream && link.lastRound?.isStream != true
        link.round = nil
        link.lastRound = statistics
        report(.roundFinished(id, serverID: serverID, statistics))
        guard round.isInitiator else { return pump(id) }
        link.roundDue = now.uptime + jittered(settings.reconcileInterval)
        if isFirstStream || link.wantsRound { startRound(id) }
    }

    mutating func receive(roundEnd: RoundEnd, from id: LinkID) {
        guard let link = links[id], let round = link.round, round.id == roundEnd.round else { return }
        count(.roundEnd(roundEnd), over: id)
        link.round?.lastProgress = now.uptime
        if round.isInitiator {
            if case .awaitingStream = round.stage { return finishRound(id) }
            link.round?.wantCount = max(0, round.wantCount - 1)
            finishIfExchanged(id)
        } else {
            link.round?.statistics.differenceCount = Int(roundEnd.differenceCount)
            link.round?.statistics.roundTripCount = Int(roundEnd.roundTripCount)
            finishRound(id)
        }
    }

    // MARK: Accounts

    /// Sends a message that counts as payload of the reconciliation.
    mutating func sendCounted(_ message: Message, over id: LinkID) {
        count(message, over: id)
        send(message, over: id)
    }

    mutating func count(_ message: Message, over id: LinkID) {
        links[id]?.round?.statistics.byteCount += message.encoded().readableBytes
    }
}

extension Want {
    /// How many ids go into one message.
    package static let itemCountMax = 65_536
}
