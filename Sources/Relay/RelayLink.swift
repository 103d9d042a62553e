// A member's end of its link to one external member as a value: inputs are methods, outputs are effects.
//
// It does no I/O and reads no clock; time comes in with every input and random numbers from the generator given at the
// start, so the same inputs give the same effects. The other end, and the words for what travels, are `RelayHub`.
//
// A link is *waiting*, *connecting* or *open*. Each *attempt* opens one event stream; what an earlier attempt's stream
// still says is not heard any more. A stream that is there is no open link yet: that takes the first event, which must
// be `hello` with the external member's *epoch* and the link's name. From then on both ends say at least once in
// `heartbeat` that they live: the external member over the stream, this one by a request, whose answer gives the round
// trip's time.
//
// What must hold:
//
// - While the link is not given up for good, either an attempt is under way, or the time of the next one is known. That
//   time is random and grows with each failure, so that members that lost their links together do not come back
//   together.
// - A link that breaks keeps its carried streams: the next attempt says which event it has last, and the other end goes
//   on there. They are given up when the other end says so (`reset`), is another process (its epoch changed), does not
//   know the link, or was silent for too long. But for the first of these, every connection dialled to it is closed as
//   well, for it is as dead.
// - A request that was not answered decides nothing. The silence of the event stream does.
// - A reason is told once, however many attempts in a row fail for it.
package import Engines

/// Names one attempt at a link.
package struct AttemptID: Hashable, Sendable {
    /// From 1 on, in the order in which attempts were made.
    package let raw: UInt64
}

/// The link to one external member.
package struct RelayLink: Engine, Sendable {
    /// What the owner has to do.
    package enum Effect: Sendable, Equatable {
        /// Open the event stream; `lastEventID` goes with the request.
        case connect(AttemptID, lastEventID: String?)
        /// Give the event stream up, open or not.
        case disconnect(AttemptID)
        /// Say that this member lives.
        case sendHeartbeat(link: String, last: String?, roundTrip: Duration?)
        /// Connect to the external member with a nonce.
        case dialBack(nonce: String)
        /// Bytes of a carried stream came, from this offset on.
        case received(stream: String, offset: UInt64, bytes: [UInt8])
        /// So many bytes of a carried stream have been passed on by the other end, in all.
        case confirmed(stream: String, count: UInt64)
        /// The other end has ended a carried stream.
        case ended(stream: String)
        /// All carried streams are gone.
        case streamsLost
        /// Close every connection dialled to the external member: it does not live, or is another process now.
        case cutOff
        /// Tell it to people.
        case report(Report)
    }

    /// What is worth telling people.
    package enum Report: Sendable, Equatable {
        /// The external member has said hello.
        case linked
        /// The link was open and has ended, for this reason.
        case unlinked(String)
        /// Told once for each reason.
        case failed(String)
    }

    /// How far the link is.
    package enum Phase: String, Sendable {
        /// No attempt is under way; the time of the next one is known, unless the link is given up for good.
        case waiting
        /// An attempt is under way, and `hello` has not come.
        case connecting
        /// From `hello` on.
        case open
    }

    /// As they were at the start.
    package let settings: RelaySettings
    /// How far the link is now.
    package private(set) var phase = Phase.waiting
    /// When the phase began, by the owner's clock.
    package private(set) var since: Duration
    /// Why the last attempt or link ended; nil while it is open, and before the first.
    package private(set) var lastError: String?
    /// Of the last heartbeat that was answered, on whatever link; nil before the first.
    package private(set) var roundTrip: Duration?
    private var effects: [Effect] = []
    private var random: any RandomNumberGenerator & Sendable
    private var attempt = AttemptID(raw: 0)
    private var due: Duration?
    private var heard: Duration = .zero
    private var nextHeartbeat: Duration = .zero
    private var link: String?
    private var epoch: String?
    private var last: String?
    private var failureCount = 0

    /// - Parameter now: The first attempt is made at once.
    package init(
        settings: RelaySettings = RelaySettings(), at now: Duration, random: any RandomNumberGenerator & Sendable
    ) {
        self.settings = settings
        self.random = random
        since = now
        due = now
    }

    /// Hands over the effects since they were taken last.
    package mutating func takeEffects(_ taken: inout [Effect]) { swap(&effects, &taken) }

    /// Something came over the event stream.
    package mutating func received(
        _ part: EventStreamParser.Part, over attempt: AttemptID, at now: Duration
    ) {
        guard attempt == self.attempt, phase != .waiting else { return }
        heard = now
        guard case .event(let id, let name, let data) = part else { return }
        do throws(RelayError) {
            guard let event = try RelayEvent(name: name, data: data) else { return }
            guard phase == .open || event.isHello else { throw .malformed("its first event is \(name), not hello") }
            take(event, at: now)
            if let id { last = id }
        } catch {
            fail("\(error)", at: now)
        }
    }

    private mutating func take(_ event: RelayEvent, at now: Duration) {
        switch event {
        case .hello(let epoch, let link): open(epoch, link, at: now)
        case .reset: forgetStreams()
        case .dial(let nonce): effects.append(.dialBack(nonce: nonce))
        case .data(let stream, let offset, let bytes):
            effects.append(.received(stream: stream, offset: offset, bytes: bytes))
        case .received(let stream, let count): effects.append(.confirmed(stream: stream, count: count))
        case .end(let stream): effects.append(.ended(stream: stream))
        case .drain: fail("it is stopping", at: now)
        }
    }

    private mutating func open(_ epoch: String, _ link: String, at now: Duration) {
        if let old = self.epoch, old != epoch { giveUp() }
        self.epoch = epoch
        self.link = link
        (phase, since) = (.open, now)
        lastError = nil
        failureCount = 0
        // Says at once which of the events it has, and learns the time that a message takes.
        nextHeartbeat = now
        effects.append(.report(.linked))
        tick(at: now)
    }

    /// Nothing is left of what was there. The next link says so, and the other end gives up the same connections.
    private mutating func giveUp() {
        effects.append(.cutOff)
        forgetStreams()
    }

    private mutating func forgetStreams() {
        last = nil
        effects.append(.streamsLost)
    }

    /// The event stream has ended, or could not be opened.
    package mutating func ended(_ attempt: AttemptID, detail: String, at now: Duration) {
        guard attempt == self.attempt, phase != .waiting else { return }
        wait(detail, at: now)
    }

    /// The heartbeat of a link was answered, or not.
    package mutating func heartbeatAnswered(_ link: String, _ outcome: Result<Duration, RelayError>, at now: Duration) {
        guard link == self.link, phase == .open else { return }
        switch outcome {
        case .success(let time): roundTrip = time
        case .failure(.unknownLink):
            // It has closed the link and this end was not told: what else there was is as dead.
            giveUp()
            fail("it does not know this link any more", at: now)
        // One that is lost does not matter; the silence of the event stream decides.
        case .failure: break
        }
    }

    private mutating func fail(_ detail: String, at now: Duration) {
        effects.append(.disconnect(attempt))
        wait(detail, at: now)
    }

    private mutating func wait(_ detail: String, at now: Duration) {
        if phase == .open {
            effects.append(.report(.unlinked(detail)))
        } else if lastError != detail {
            effects.append(.report(.failed(detail)))
        }
        (phase, since) = (.waiting, now)
        link = nil
        lastError = detail
        due = now + retryDelay()
        failureCount += 1
    }

    /// Random, so that members that lost their links together do not come back together.
    private mutating func retryDelay() -> Duration {
        let most = min(settings.retryFirst * (1 << min(failureCount, 10)), settings.retryMax)
        return settings.retryMin + (most - settings.retryMin) * Double.random(in: 0...1, using: &random)
    }

    // MARK: Time

    /// When `tick` has to be called next; nil once the link is given up for good.
    package var nextDeadline: Duration? {
        phase == .open ? min(nextHeartbeat, heard + settings.silence) : due
    }

    /// Makes the next attempt, says that this member lives, or gives up what was silent for too long.
    package mutating func tick(at now: Duration) {
        let isDue = due.map { $0 <= now } ?? false
        switch phase {
        case .waiting where isDue:
            attempt = AttemptID(raw: attempt.raw + 1)
            (phase, since) = (.connecting, now)
            due = now + settings.connectTime
            effects.append(.connect(attempt, lastEventID: last))
        case .connecting where isDue: fail("no answer in \(settings.connectTime)", at: now)
        case .open where heard + settings.silence <= now:
            giveUp()
            fail("nothing was heard of it for \(settings.silence)", at: now)
        case .open where nextHeartbeat <= now:
            nextHeartbeat = now + settings.heartbeat
            if let link { effects.append(.sendHeartbeat(link: link, last: last, roundTrip: roundTrip)) }
        default: break
        }
    }

    /// Gives the link up: the external member is none any more, or this one stops.
    package mutating func shutDown() {
        if phase != .waiting { effects.append(.disconnect(attempt)) }
        effects.append(.streamsLost)
        phase = .waiting
        due = nil
    }
}

extension RelayEvent {
    fileprivate var isHello: Bool {
        if case .hello = self { return true }
        return false
    }
}
