// Streams: the whole map in key order, for a new member or after a long absence.
import OrderedCollections
package import Replica
import Trust

extension GossipEngine {
    /// Too much differs for symbols. The end with fewer entries asks for the other's map; a round afterwards finds
    /// what the other one lacks. Where that ends in a stream as well, it goes the other way: two maps of the same keys
    /// may have newer entries on either side.
    mutating func startStream(_ id: LinkID) {
        guard let link = links[id], let round = link.round, let own = round.own, let peer = round.peer else { return }
        let isSecond = link.lastRound?.isStream == true
        let pulls = isSecond ? !link.lastStreamWasPull : UInt64(own.count) <= peer.count
        link.lastStreamWasPull = pulls
        link.round?.stage = .awaitingStream
        link.round?.statistics.isStream = true
        link.round?.statistics.roundTripCount += 1
        link.failedRoundCount = 0
        if pulls {
            startPull(id, round: round.id, entryCount: peer.count)
        } else {
            sendCounted(.streamOffer(round: round.id), over: id)
        }
    }

    mutating func receive(streamOffer round: UInt32, from id: LinkID) {
        guard let link = links[id], let state = link.round, !state.isInitiator, state.id == round else { return }
        startPull(id, round: round, entryCount: state.peer?.count ?? 0)
    }

    private mutating func startPull(_ id: LinkID, round: UInt32, entryCount: UInt64) {
        guard let serverID = links[id]?.peerServerID else { return }
        let after = streamPositions[serverID] ?? []
        links[id]?.pull = Pull(
            round: round, started: now.uptime, lastProgress: now.uptime, entryCountMax: entryCount,
            lastReported: now.uptime)
        sendCounted(.streamRequest(StreamRequest(round: round, after: after)), over: id)
        report(
            .streamStarted(
                id, serverID: serverID, entryCount: entryCount, incoming: true, resumed: !after.isEmpty))
    }

    mutating func receive(streamRequest request: StreamRequest, from id: LinkID) {
        guard let link = links[id], let serverID = link.peerServerID else { return }
        count(.streamRequest(request), over: id)
        link.feeder = Feeder(round: request.round, after: request.after)
        report(
            .streamStarted(
                id, serverID: serverID, entryCount: UInt64(link.round?.own?.count ?? 0), incoming: false,
                resumed: !request.after.isEmpty))
        pump(id)
    }

    /// Answer to `Effect.readChunk`.
    package mutating func readChunk(
        _ id: LinkID, round: UInt32, _ batch: EntryBatch, last: [UInt8], isEnd: Bool, at moment: Moment
    ) {
        now = moment
        guard let link = links[id], let feeder = link.feeder, feeder.round == round, feeder.isReading else { return }
        link.feeder?.isReading = false
        // Live changes may have spent the credit meanwhile: the same part is read again when there is more.
        guard link.credit > 0 else { return }
        link.feeder?.after = last
        link.round?.lastProgress = now.uptime
        let purpose: Entries.Purpose = isEnd ? .streamEnd : .stream
        let sent = sendable(batch, over: link)
        send(.entries(Entries(purpose: purpose, round: round, position: last, batch: sent)), over: id)
        if isEnd { link.feeder = nil }
        pump(id)
    }

    func ownEntries(of batch: EntryBatch) -> EntryBatch {
        EntryBatch(batch.entries.filter { isOwn($0.key.bytes) })
    }

    /// A part of a stream is committed.
    mutating func streamAdvanced(_ id: LinkID, _ position: StreamPosition) {
        guard let link = links[id], link.pull?.round == position.round, let serverID = link.peerServerID else { return }
        link.pull?.lastProgress = now.uptime
        link.round?.lastProgress = now.uptime
        guard position.isEnd else {
            if streamPositions[serverID] == nil, streamPositions.count >= settings.streamPositionCountMax {
                streamPositions.removeFirst()
            }
            streamPositions[serverID] = position.lastKey
            reportProgress(id, serverID)
            return
        }
        streamPositions[serverID] = nil
        if let pull = link.pull {
            report(
                .streamFinished(serverID: serverID, entryCount: pull.entryCount, duration: now.uptime - pull.started))
        }
        link.pull = nil
        if link.role == .dialler { return finishRound(id) }
        // What came over a link may be committed after the link has ended.
        guard link.phase == .open else { return }
        sendCounted(.roundEnd(RoundEnd(round: position.round, differenceCount: 0, roundTripCount: 0)), over: id)
    }

    /// Tells now and then how far a long stream is.
    private mutating func reportProgress(_ id: LinkID, _ serverID: ServerID) {
        guard let link = links[id], let pull = link.pull else { return }
        guard pull.lastReported + settings.streamReportInterval <= now.uptime else { return }
        link.pull?.lastReported = now.uptime
        report(.streamProgress(serverID: serverID, entryCount: pull.entryCount, entryCountMax: pull.entryCountMax))
    }

    /// The peer asks for a round: it dropped changes for this link, or gave up a round.
    mutating func receiveNudge(from id: LinkID) {
        guard links[id]?.role == .dialler else { return }
        startRound(id)
    }
}
