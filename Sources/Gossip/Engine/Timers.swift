// What happens when time passes, and what a received message leads to.
import OrderedCollections
import Replica
import Trust

extension GossipEngine {
    /// A message came in.
    package mutating func received(_ message: Message, from id: LinkID, at moment: Moment) {
        now = moment
        guard let link = links[id], link.phase != .closing, link.phase != .dialling else { return }
        link.lastHeard = now.uptime
        switch message {
        case .hello(let hello): return receive(hello: hello, from: id)
        case .proof(let proof): return receive(proof: proof, from: id)
        case .bye(let bye): return receive(bye: bye, from: id)
        case .challenge, .summary, .symbolRequest, .symbols, .want, .entries, .streamRequest, .streamOffer, .roundEnd,
            .nudge, .refused, .credit, .ping, .pong:
            break
        }
        guard link.phase == .open else {
            return close(id, .protocolError, "data came before the proof of a cluster key")
        }
        receive(message, over: link)
    }

    private mutating func receive(_ message: Message, over link: Link) {
        let id = link.id
        switch message {
        case .hello, .proof, .bye: break
        case .challenge(let challenge): receive(challenge: challenge, from: id)
        case .summary(let summary): receive(summary: summary, from: id)
        case .symbolRequest(let request): receive(symbolRequest: request, from: id)
        case .symbols(let symbols):
            // Symbols are charged but need not wait for credit, so they are not held against the peer.
            _ = charge(message, from: link)
            receive(symbols: symbols, from: id)
            returnCredit(id, message.creditCost)
        case .want(let want): receive(want: want, from: id)
        case .entries(let entries):
            guard charge(message, from: link) else { return overdraw(id) }
            receive(entries: entries, from: link)
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
        for link in links.values where link.isDue(at: now.uptime, settings) { tick(link.id, link) }
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
            link.challengeDeadline = nil
            if link.proven.isEmpty { return endForWantOfKey(id) }
        }
        if link.nextPing <= uptime { sendPing(over: id) }
        if let due = link.roundDue, due <= uptime { roundIsDue(id, link) }
        if let round = link.round, round.lastProgress + settings.roundStallLimit <= uptime { abandonRound(id) }
    }

    private mutating func roundIsDue(_ id: LinkID, _ link: Link) {
        if link.role == .dialler { return startRound(id) }
        // The accepting end gave up a round: only the other one begins them.
        link.roundDue = nil
        send(.nudge, over: link)
    }

    private mutating func passedDeadline(_ id: LinkID, _ link: Link) {
        if link.phase == .closing {
            link.deadline = now.uptime + settings.handshakeLimit
            effects.append(.close(id))
        } else {
            close(id, .timeout, "the handshake was not finished in \(settings.handshakeLimit.components.seconds) s")
        }
    }

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

    /// When `tick` is due next, or earlier: a tick too early does nothing. Asked after every input.
    package var nextDeadline: Duration? {
        mutating get {
            let due = links.knownDeadline ?? links.earliestDeadline(settings)
            guard let dial = nextDial else { return due }
            return due.map { min($0, dial) } ?? dial
        }
    }

    // MARK: Round trips and clocks

    mutating func sendPing(over id: LinkID) {
        let token = UInt64.random(in: 0...UInt64.max, using: &random)
        guard let link = links[id] else { return }
        link.ping = (token, now.uptime, now.wall)
        link.nextPing = now.uptime + settings.pingInterval
        send(.ping(Ping(token: token)), over: link)
    }

    private mutating func receive(pong: Pong, from id: LinkID) {
        guard let link = links[id], let ping = link.ping, ping.token == pong.token else { return }
        let peer = link.peerServerID
        let roundTrip = now.uptime - ping.uptime
        link.ping = nil
        link.roundTrip = roundTrip
        let half = Int64(roundTrip / .milliseconds(2))
        let offset = pong.wallTime.millisecondsSince(ping.wall) - half
        if let last = link.clockOffsetMilliseconds, .milliseconds(abs(offset - last)) > Self.clockStep {
            clockStepped(link)
        }
        link.clockOffsetMilliseconds = offset
        rivalIsAlive(peer)
        let isSkewed = abs(offset) > Int64(Admission.clockBoundMilliseconds)
        if isSkewed, !link.skewReported, let peer {
            report(.clockSkew(serverID: peer, milliseconds: offset))
        }
        link.skewReported = isSkewed
        updateClockVerdict()
    }

    /// An offset that changes by more than this in one ping is a clock being set.
    private static let clockStep: Duration = .seconds(5)

    /// One of the two clocks was set: what was refused because of it may be taken now.
    private mutating func clockStepped(_ link: Link) {
        link.leftOut = [:]
        link.wantsRound = true
        pump(link.id)
    }

    /// This member's clock was set. Whether it is right is an open question again, even if nobody was linked who could
    /// have said that it was wrong: what was stamped meanwhile may be far ahead.
    mutating func noteOwnClockStep(since former: Moment) {
        let wall = Duration.milliseconds(now.wall.millisecondsSince(former.wall))
        let step = wall - (now.uptime - former.uptime)
        if step > Self.clockStep || step < .zero - Self.clockStep { clockIsJudged = false }
    }

    /// A clock is wrong when most peers say so. Their majority is no proof, but better than one's own word.
    mutating func updateClockVerdict() {
        let offsets = links.values.compactMap { $0.phase == .open ? $0.clockOffsetMilliseconds : nil }
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
