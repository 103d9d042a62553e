// What happens when time passes, and what a received message leads to.
import OrderedCollections
import Replica
import Trust

extension GossipEngine {
    /// A message came in.
    package mutating func received(_ message: Message, from id: LinkID, at moment: Moment) {
        now = moment
        guard let phase = links[id]?.phase, phase != .closing, phase != .dialling else { return }
        links[id]?.lastHeard = now.uptime
        switch message {
        case .hello(let hello): return receive(hello: hello, from: id)
        case .proof(let proof): return receive(proof: proof, from: id)
        case .bye(let bye): return receive(bye: bye, from: id)
        case .challenge, .summary, .symbolRequest, .symbols, .want, .entries, .streamRequest, .streamOffer, .roundEnd,
            .nudge, .refused, .credit, .ping, .pong:
            break
        }
        guard phase == .open else {
            return close(id, .protocolError, "data came before the proof of a cluster key")
        }
        receiveOpen(message, from: id)
    }

    private mutating func receiveOpen(_ message: Message, from id: LinkID) {
        switch message {
        case .hello, .proof, .bye: break
        case .challenge(let challenge): receive(challenge: challenge, from: id)
        case .summary(let summary): receive(summary: summary, from: id)
        case .symbolRequest(let request): receive(symbolRequest: request, from: id)
        case .symbols(let symbols):
            // Symbols are charged but need not wait for credit, so they are not held against the peer.
            _ = charge(message, from: id)
            receive(symbols: symbols, from: id)
            returnCredit(id, message.creditCost)
        case .want(let want): receive(want: want, from: id)
        case .entries(let entries):
            guard charge(message, from: id) else { return overdraw(id) }
            receive(entries: entries, from: id)
        case .streamRequest(let request): receive(streamRequest: request, from: id)
        case .streamOffer(let round): receive(streamOffer: round, from: id)
        case .roundEnd(let end): receive(roundEnd: end, from: id)
        case .nudge: receiveNudge(from: id)
        case .refused(let entries): receive(refused: entries, from: id)
        case .credit(let byteCount): receive(credit: byteCount, from: id)
        case .ping(let ping): send(.pong(Pong(token: ping.token, wallTime: now.wall)), over: id)
        case .pong(let pong): receive(pong: pong, from: id)
        }
    }

    private mutating func overdraw(_ id: LinkID) {
        close(id, .protocolError, "more entries came than were granted")
    }

    /// A message that could not be read.
    package mutating func receivedMalformed(_ error: WireError, from id: LinkID, at moment: Moment) {
        now = moment
        close(id, .protocolError, "\(error)")
    }

    /// Time has passed.
    package mutating func tick(at moment: Moment) {
        now = moment
        for id in links.keys where links.isDue(id, at: now.uptime, settings) {
            if let link = links[id] { tick(id, link) }
        }
        dialDue()
    }

    private mutating func tick(_ id: LinkID, _ link: Link) {
        let uptime = now.uptime
        if let deadline = link.deadline, deadline <= uptime { return passedDeadline(id, link) }
        if link.phase == .contending, link.since.uptime + settings.contentionWait <= uptime {
            return replaceRivals(of: link)
        }
        guard link.phase == .open else { return }
        if link.lastHeard + settings.silenceLimit <= uptime {
            return close(id, .timeout, "nothing came for \(settings.silenceLimit.components.seconds) s")
        }
        if let deadline = link.challengeDeadline, deadline <= uptime {
            links[id]?.challengeDeadline = nil
            if link.proven.isEmpty { return endForWantOfKey(id) }
        }
        if link.nextPing <= uptime { sendPing(over: id) }
        if let due = link.roundDue, due <= uptime { roundIsDue(id, link) }
        if let round = link.round, round.lastProgress + settings.roundStallLimit <= uptime { abandonRound(id) }
    }

    private mutating func roundIsDue(_ id: LinkID, _ link: Link) {
        if link.role == .dialler { return startRound(id) }
        // The accepting end gave up a round: only the other one begins them.
        links[id]?.roundDue = nil
        send(.nudge, over: id)
    }

    private mutating func passedDeadline(_ id: LinkID, _ link: Link) {
        if link.phase == .closing {
            let deadline = uptimeAfterClosing
            links[id]?.deadline = deadline
            effects.append(.close(id))
        } else {
            close(id, .timeout, "the handshake was not finished in \(settings.handshakeLimit.components.seconds) s")
        }
    }

    private var uptimeAfterClosing: Duration { now.uptime + settings.handshakeLimit }

    /// The older links did not answer in time.
    private mutating func replaceRivals(of link: Link) {
        guard let serverID = link.peerServerID else { return }
        guard !link.proven.isEmpty else {
            return close(link.id, .timeout, "no proof of a cluster key came while another link to \(serverID) is open")
        }
        for rival in links.keys(in: .open) where links[rival]?.peerServerID == serverID {
            close(rival, .timeout, "a newer process of \(serverID) took its place")
        }
        resumeContending(for: serverID)
    }

    /// When `tick` is due next.
    ///
    /// Asked after every input: the getter is mutating so that the engine is looked at in place and not copied.
    package var nextDeadline: Duration? {
        mutating get { earliestDeadline() }
    }

    private mutating func earliestDeadline() -> Duration? {
        var next: Duration?
        func consider(_ candidate: Duration?) {
            guard let candidate else { return }
            next = next.map { min($0, candidate) } ?? candidate
        }
        for target in targets.values {
            if case .waiting(let until) = target.phase { consider(until) }
        }
        consider(links.earliestDeadline(settings))
        return next
    }

    // MARK: Round trips and clocks

    mutating func sendPing(over id: LinkID) {
        let token = UInt64.random(in: 0...UInt64.max, using: &random)
        links[id]?.ping = (token, now.uptime, now.wall)
        let due = now.uptime + settings.pingInterval
        links[id]?.nextPing = due
        send(.ping(Ping(token: token)), over: id)
    }

    private mutating func receive(pong: Pong, from id: LinkID) {
        guard let ping = links[id]?.ping, ping.token == pong.token else { return }
        let peer = links[id]?.peerServerID
        let roundTrip = now.uptime - ping.uptime
        links[id]?.ping = nil
        links[id]?.roundTrip = roundTrip
        let half = Int64(roundTrip / .milliseconds(2))
        let offset = pong.wallTime.millisecondsSince(ping.wall) - half
        if let last = links[id]?.clockOffsetMilliseconds, abs(offset - last) > Self.clockStepMilliseconds {
            clockStepped(id)
        }
        links[id]?.clockOffsetMilliseconds = offset
        rivalIsAlive(peer)
        let isSkewed = abs(offset) > Int64(Admission.clockBoundMilliseconds)
        if isSkewed, links[id]?.skewReported == false {
            report(.clockSkew(serverID: peer ?? "", milliseconds: offset))
        }
        links[id]?.skewReported = isSkewed
        updateClockVerdict()
    }

    /// An offset that changes by more than this in one ping is a clock being set.
    private static let clockStepMilliseconds: Int64 = 5_000

    /// One of the two clocks was set: what was refused because of it may be taken now.
    private mutating func clockStepped(_ id: LinkID) {
        links[id]?.leftOut = [:]
        links[id]?.wantsRound = true
        pump(id)
    }

    /// This member's clock was set. Whether it is right is an open question again, even if nobody was linked who could
    /// have said that it was wrong: what was stamped meanwhile may be far ahead.
    mutating func noteOwnClockStep(since former: Moment) {
        let step = now.wall.millisecondsSince(former.wall) - (now.uptime - former.uptime).wholeMilliseconds
        if abs(step) > Self.clockStepMilliseconds { clockIsJudged = false }
    }

    /// A clock is wrong when most peers say so. Their majority is no proof, but better than one's own word.
    mutating func updateClockVerdict() {
        let offsets = links.keys(in: .open).compactMap { links[$0]?.clockOffsetMilliseconds }
        guard !offsets.isEmpty else { return }
        let skewed = offsets.filter { abs($0) > Int64(Admission.clockBoundMilliseconds) }.sorted()
        let isWrong = skewed.count * 2 > offsets.count
        if !clockIsJudged, !isWrong, !clockIsWrong { report(.clockConfirmed) }
        clockIsJudged = true
        guard isWrong != clockIsWrong else { return }
        clockIsWrong = isWrong
        report(isWrong ? .clockWrong(milliseconds: skewed[skewed.count / 2]) : .clockRight)
    }
}

extension Duration {
    /// Rounded towards zero.
    @inline(__always)
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}
