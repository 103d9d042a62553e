// The external member's end of the relay as a value: inputs are methods, outputs are effects.
//
// It does no I/O and reads no clock; time comes in with every input and random numbers from the generator given at the
// start, so the same inputs give the same effects.
//
// An external member connects to nobody inside; each member inside holds a *link* to it, which is an event stream, and
// beside it requests that say what the member has to say (`RelayLink` is that end). When the external member needs a
// connection, it *asks*: the event `dial` has a *nonce*, a name that nobody can guess, and the member connects and
// shows it. Where no connection gets through, the same bytes travel as events one way and as requests the other: a
// *carried stream*, which takes the nonce for its name.
//
// A link that breaks is followed by the next one. Events of carried streams have numbers and are kept in a ring until
// the member says that it has them, and the next link begins after the last one that it has. The *epoch* names this
// process, so that no number is taken for one of another process.
//
// What must hold:
//
// - A member has one link at the most; a new one closes the old. One that has shown a full cluster key is not displaced
//   by one that shows a gateway key alone.
// - A nonce is good once, for one member, and for a limited time. Whoever shows another member's loses his link, since
//   he can only have stolen it.
// - Whoever waits for a connection is told that it is there, or that it failed.
// - A request for a connection is never sent a second time after it was said over a link: one that is lost costs a
//   wait, one that is followed twice would open a connection for nobody.
// - Bytes of a stream arrive once and in order, or the stream ends at both ends. What cannot be replayed any more is
//   answered with `reset`, by which the member gives its streams up as well.
// - A member has a limited number of connections asked for and of streams, and its ring a limited size.
package import Engines
package import Replica

/// Names one link of a member for as long as the process lives.
package struct HubLinkID: Hashable, Sendable {
    /// From 1 on, in the order in which links were opened.
    package let raw: UInt64
}

/// Names one connection that is asked for.
package struct DialID: Hashable, Sendable {
    /// From 1 on, in the order in which connections were asked for.
    package let raw: UInt64
}

/// All that an external member knows of its links.
package struct RelayHub: Engine, Sendable {
    /// What the owner has to do.
    package enum Effect: Sendable, Equatable {
        /// Say it over the link, after all that was to be said before; `id` is nil for what is never said again.
        case send(HubLinkID, RelayEvent, id: String?)
        /// Say over the link that this member lives.
        case sendHeartbeat(HubLinkID)
        /// End the link's event stream.
        case close(HubLinkID)
        /// Close every connection that the member has dialled: it does not live, or is another one now.
        case cutOff(member: ServerID)
        /// Tell whoever waits that no connection comes, and why.
        case dialFailed(DialID, RelayError)
        /// The stream may take more bytes than before.
        case hasRoom(stream: String)
        /// Bytes of the stream came that had not come before.
        case deliver(stream: String, bytes: ArraySlice<UInt8>)
        /// The stream is gone.
        case streamEnded(stream: String)
        /// Tell it to people.
        case report(Report)
    }

    /// What is worth telling people.
    package enum Report: Sendable, Equatable {
        /// The member's link is open.
        case linked(member: ServerID)
        /// The member's link has ended, for this reason.
        case unlinked(member: ServerID, detail: String)
        /// The member showed a nonce that is good for nothing, or not for this member.
        case refusedNonce(member: ServerID, RelayError)
    }

    struct Link: Sendable {
        let id: HubLinkID
        let name: String
        let since: Duration
        var heard: Duration
        var nextHeartbeat: Duration
        var roundTrip: Duration?
    }

    struct Member: Sendable {
        var link: Link?
        /// Whether its latest link was opened with a full cluster key.
        var hasFullKey = false
        var ring: ReplayRing
        var streams: [String: CarriedStream] = [:]
        /// When its streams are given up, while there is no link.
        var forgottenAt: Duration?
        var lastError: String?
        var dialCount = 0
    }

    private struct Dial: Sendable {
        let id: DialID
        let member: ServerID
        var due: Duration
        /// Whether the member was told; it may have no link just now.
        var isSaid = false
    }

    /// As they were at the start.
    package let settings: RelaySettings
    /// Names this process, so that no member takes what another process said for what this one says.
    package let epoch: String
    var members: [ServerID: Member] = [:]
    private var dials: [String: Dial] = [:]
    var effects: [Effect] = []
    private var random: any RandomNumberGenerator & Sendable
    private var linkCount: UInt64 = 0
    private var memberCount: UInt64 = 0
    private var dialCount: UInt64 = 0
    /// Whether the members have been told that this one stops.
    package private(set) var isDraining = false
    /// When `tick` has to be called next. It is noted when something comes to be waited for, and found out anew by every
    /// tick alone: whatever ceases to be waited for costs a tick that comes too early.
    package private(set) var nextDeadline: Duration?

    /// - Parameter random: Names and nonces are drawn from it; nobody must be able to guess them.
    package init(settings: RelaySettings = RelaySettings(), random: any RandomNumberGenerator & Sendable) {
        self.settings = settings
        self.random = random
        epoch = Self.name(&self.random)
    }

    /// Hands over the effects since they were taken last.
    package mutating func takeEffects(_ taken: inout [Effect]) { swap(&effects, &taken) }

    /// 128 random bits as text.
    private static func name(_ random: inout any RandomNumberGenerator & Sendable) -> String {
        let words = [random.next() as UInt64, random.next() as UInt64]
        return words.map { word in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }.joined()
    }

    // MARK: Links

    /// A member's link is open. Another one of it is closed.
    ///
    /// - Parameters:
    ///   - lastEventID: The id of the last event that the member has; nil for one that has nothing of this external member
    ///     any more.
    ///   - hasFullKey: Whether the member has shown a full cluster key, and not only a gateway key, by which anyone who has
    ///     it can take any name.
    /// - Throws: `RelayError.draining` or `.lesserKey`.
    package mutating func linkOpened(
        _ member: ServerID, lastEventID: String?, hasFullKey: Bool = true, at now: Duration
    ) throws(RelayError) -> HubLinkID {
        guard !isDraining else { throw .draining }
        linkCount += 1
        var known = members[member] ?? makeMember()
        guard hasFullKey || !known.hasFullKey else { throw .lesserKey(member) }
        known.hasFullKey = hasFullKey
        if let old = known.link { effects.append(.close(old.id)) }
        // One that has nothing is another process, or has given everything up; its connections may be dead here and
        // nobody be told.
        if lastEventID == nil { effects.append(.cutOff(member: member)) }
        let link = Link(
            id: HubLinkID(raw: linkCount), name: Self.name(&random), since: now, heard: now,
            nextHeartbeat: now + settings.heartbeat)
        known.link = link
        known.forgottenAt = nil
        known.lastError = nil
        members[member] = known
        note(deadline: now + min(settings.heartbeat, settings.silence))
        greet(member, link, after: lastEventID)
        for (nonce, _) in sortedDials(where: { $0.member == member && !$0.isSaid }) {
            say(nonce, over: link.id, at: now)
        }
        effects.append(.report(.linked(member: member)))
        return link.id
    }

    /// Says hello, and what the member has missed; where that is not known any more, that it is lost.
    ///
    /// What has an id is what the member has then: a hello before a reset has none, or a link that ends between the two
    /// would be followed by one on which nothing seems to be missing.
    private mutating func greet(_ member: ServerID, _ link: Link, after lastEventID: String?) {
        let hello = RelayEvent.hello(epoch: epoch, link: link.name)
        if let number = lastEventID.flatMap(number), let missed = members[member]?.ring.events(after: number) {
            effects.append(.send(link.id, hello, id: id(number)))
            for event in missed { effects.append(.send(link.id, event.event, id: id(event.number))) }
        } else {
            loseStreams(of: member)
            effects.append(.send(link.id, hello, id: nil))
            effects.append(.send(link.id, .reset, id: id(members[member]?.ring.last ?? 0)))
        }
    }

    private func id(_ number: UInt64) -> String { "\(epoch)-\(number)" }

    /// The number in an event's id; nil where another process gave it.
    private func number(_ id: String) -> UInt64? {
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 2 && parts[0] == epoch ? UInt64(parts[1]) : nil
    }

    private mutating func loseStreams(of member: ServerID) {
        guard var known = members[member] else { return }
        for stream in known.streams.keys.sorted() { effects.append(.streamEnded(stream: stream)) }
        known.streams = [:]
        known.ring.clear()
        members[member] = known
    }

    /// A member's numbers do not begin where those of its time before began.
    private mutating func makeMember(forgottenAt: Duration? = nil) -> Member {
        memberCount += 1
        return Member(
            ring: ReplayRing(
                countMax: settings.replayCount, byteCountMax: settings.replayByteCount, after: memberCount << 32),
            forgottenAt: forgottenAt)
    }

    /// A link has ended.
    package mutating func linkClosed(_ id: HubLinkID, detail: String, at now: Duration) {
        guard let member = members.first(where: { $0.value.link?.id == id })?.key else { return }
        unlink(member, detail, at: now)
    }

    private mutating func unlink(_ member: ServerID, _ detail: String, at now: Duration) {
        let forgottenAt = now + settings.resumeTime
        members[member]?.link = nil
        members[member]?.forgottenAt = forgottenAt
        members[member]?.lastError = detail
        note(deadline: forgottenAt)
        effects.append(.report(.unlinked(member: member, detail: detail)))
    }

    /// A member says that it lives, and which event it has last.
    ///
    /// - Throws: `RelayError.unknownLink` where the link is not its present one.
    package mutating func heard(
        _ member: ServerID, link: String, last: String?, roundTrip: Duration?, at now: Duration
    ) throws(RelayError) {
        guard members[member]?.link?.name == link else { throw .unknownLink }
        members[member]?.link?.heard = now
        if let roundTrip { members[member]?.link?.roundTrip = roundTrip }
        if let number = last.flatMap(number) { members[member]?.ring.forget(upTo: number) }
    }

    // MARK: Connections

    /// Asks a member for a connection. One that has lost its link is given a moment to come back.
    ///
    /// - Throws: `RelayError.draining` or `.busy`.
    package mutating func dial(_ member: ServerID, at now: Duration) throws(RelayError) -> DialID {
        guard !isDraining else { throw .draining }
        var known = members[member] ?? makeMember(forgottenAt: now + settings.resumeTime)
        guard known.dialCount < settings.dialsPerMember else { throw .busy(member) }
        dialCount += 1
        known.dialCount += 1
        members[member] = known
        let nonce = Self.name(&random)
        let id = DialID(raw: dialCount)
        dials[nonce] = Dial(id: id, member: member, due: now + settings.linkTime)
        note(deadline: now + min(settings.linkTime, settings.resumeTime))
        if let link = known.link { say(nonce, over: link.id, at: now) }
        return id
    }

    private mutating func say(_ nonce: String, over link: HubLinkID, at now: Duration) {
        let due = now + settings.dialTime
        dials[nonce]?.due = due
        dials[nonce]?.isSaid = true
        note(deadline: due)
        effects.append(.send(link, .dial(nonce: nonce), id: nil))
    }

    /// Nobody waits for a connection any more.
    package mutating func cancel(_ dial: DialID) {
        guard let nonce = dials.first(where: { $0.value.id == dial })?.key else { return }
        remove(nonce)
    }

    /// In the order in which they were asked for: that of a dictionary is another one in every process.
    private func sortedDials(where isMeant: (Dial) -> Bool) -> [(nonce: String, dial: Dial)] {
        dials.filter { isMeant($0.value) }.sorted { $0.value.id.raw < $1.value.id.raw }.map { ($0.key, $0.value) }
    }

    @discardableResult
    private mutating func remove(_ nonce: String) -> Dial? {
        guard let dial = dials.removeValue(forKey: nonce) else { return nil }
        members[dial.member]?.dialCount -= 1
        return dial
    }

    /// A member has connected with a nonce, which is good no more.
    ///
    /// A nonce of another member ends the link of the one that shows it: it can only have come by theft.
    ///
    /// - Throws: `RelayError.unknownNonce` or `.foreignNonce`.
    package mutating func dialledBack(
        _ nonce: String, from member: ServerID, at now: Duration
    ) throws(RelayError) -> DialID {
        let known = remove(nonce)
        guard let dial = known, dial.due > now else {
            // Whoever waits is told here: it has left the list that is gone through when time is over.
            if let late = known { effects.append(.dialFailed(late.id, .noAnswer(late.member))) }
            effects.append(.report(.refusedNonce(member: member, .unknownNonce)))
            throw .unknownNonce
        }
        guard dial.member == member else {
            effects.append(.dialFailed(dial.id, .noAnswer(dial.member)))
            effects.append(.report(.refusedNonce(member: member, .foreignNonce)))
            if let link = members[member]?.link {
                effects.append(.close(link.id))
                unlink(member, "it showed another member's nonce", at: now)
            }
            throw .foreignNonce
        }
        return dial.id
    }

    /// A member cannot connect and takes the connection as a carried stream, whose name is the nonce.
    ///
    /// Both know the name beforehand: bytes may overtake the answer, and whoever lost that may ask again.
    ///
    /// - Returns: nil where the stream is there already.
    /// - Throws: as `dialledBack`, or `RelayError.busy`.
    package mutating func carried(_ nonce: String, by member: ServerID, at now: Duration) throws(RelayError) -> DialID?
    {
        if members[member]?.streams[nonce] != nil { return nil }
        guard (members[member]?.streams.count ?? 0) < settings.streamsPerMember else { throw .busy(member) }
        let dial = try dialledBack(nonce, from: member, at: now)
        members[member]?.streams[nonce] = CarriedStream()
        return dial
    }

    // MARK: Carried streams

    /// How many bytes a stream takes now; nil where it is gone.
    package func room(of stream: String, to member: ServerID) -> Int? { members[member]?.streams[stream]?.room }

    /// Sends bytes of a stream, no more than there is room for and at most a chunk.
    package mutating func send(_ bytes: [UInt8], over stream: String, to member: ServerID) {
        guard let offset = members[member]?.streams[stream]?.send(bytes.count) else { return }
        say(.data(stream: stream, offset: offset, bytes: bytes), to: member)
    }

    /// Takes bytes of a stream, and how many of ours its member has passed on. Those that are new are delivered.
    ///
    /// - Throws: `RelayError.unknownStream`, or `.malformed`, by which the stream ends.
    package mutating func received(
        _ bytes: [UInt8], at offset: UInt64, confirming count: UInt64, over stream: String, from member: ServerID
    ) throws(RelayError) {
        guard var known = members[member]?.streams[stream] else { throw .unknownStream }
        do {
            try known.confirm(count)
            let new = try known.take(offset: offset, bytes)
            members[member]?.streams[stream] = known
            effects.append(.hasRoom(stream: stream))
            if !new.isEmpty { effects.append(.deliver(stream: stream, bytes: new)) }
        } catch {
            end(stream, of: member)
            throw error
        }
    }

    /// Bytes of a stream were passed on.
    package mutating func passed(_ count: Int, over stream: String, from member: ServerID) {
        guard let total = members[member]?.streams[stream]?.passed(count) else { return }
        say(.received(stream: stream, count: total), to: member)
    }

    /// Ends a stream from this side.
    package mutating func end(_ stream: String, of member: ServerID) {
        guard members[member]?.streams.removeValue(forKey: stream) != nil else { return }
        effects.append(.streamEnded(stream: stream))
        say(.end(stream: stream), to: member)
    }

    /// The member has ended a stream.
    package mutating func ended(_ stream: String, by member: ServerID) {
        guard members[member]?.streams.removeValue(forKey: stream) != nil else { return }
        effects.append(.streamEnded(stream: stream))
    }

    private mutating func say(_ event: RelayEvent, to member: ServerID) {
        guard let number = members[member]?.ring.append(event), let link = members[member]?.link else { return }
        effects.append(.send(link.id, event, id: id(number)))
    }

    // MARK: Time

    private mutating func note(deadline: Duration) { nextDeadline = earliest(nextDeadline, deadline) }

    private func earliestDeadline() -> Duration? {
        var next: Duration?
        for member in members.values {
            if let link = member.link { next = earliest(next, min(link.nextHeartbeat, link.heard + settings.silence)) }
            if let time = member.forgottenAt { next = earliest(next, time) }
        }
        for dial in dials.values { next = earliest(next, dial.due) }
        return next
    }

    private func earliest(_ left: Duration?, _ right: Duration) -> Duration { left.map { min($0, right) } ?? right }

    /// Gives up who was waited for too long, and says to each link that it lives.
    package mutating func tick(at now: Duration) {
        for (nonce, dial) in sortedDials(where: { $0.due <= now }) {
            remove(nonce)
            effects.append(.dialFailed(dial.id, dial.isSaid ? .noAnswer(dial.member) : .notLinked(dial.member)))
        }
        for name in members.keys.sorted() {
            if let link = members[name]?.link { tick(name, link, now) }
            if let time = members[name]?.forgottenAt, time <= now {
                loseStreams(of: name)
                // One that is waited for stays; it is looked at again when all that wait have been answered.
                let isWaitedFor = members[name]?.dialCount != 0
                let next = now + settings.linkTime + settings.dialTime
                if isWaitedFor { members[name]?.forgottenAt = next } else { members[name] = nil }
            }
        }
        nextDeadline = earliestDeadline()
    }

    private mutating func tick(_ member: ServerID, _ link: Link, _ now: Duration) {
        if link.heard + settings.silence <= now {
            effects.append(.close(link.id))
            effects.append(.cutOff(member: member))
            unlink(member, "nothing was heard of it for \(settings.silence)", at: now)
        } else if link.nextHeartbeat <= now {
            let next = now + settings.heartbeat
            members[member]?.link?.nextHeartbeat = next
            effects.append(.sendHeartbeat(link.id))
        }
    }

    /// Tells all members that this one is about to stop, and takes no more links. Nobody waits for a connection any more.
    package mutating func drain() {
        isDraining = true
        for (nonce, dial) in sortedDials(where: { _ in true }) {
            remove(nonce)
            effects.append(.dialFailed(dial.id, .draining))
        }
        for (_, member) in members.sorted(by: { $0.key < $1.key }) {
            if let link = member.link { effects.append(.send(link.id, .drain, id: nil)) }
        }
    }

    // MARK: Status

    /// What is known of one member's link.
    package struct Status: Sendable, Equatable {
        /// The member at the other end.
        package let member: ServerID
        /// Whether the link is open now.
        package let isLinked: Bool
        /// When it was opened, by the owner's clock; nil without a link.
        package let since: Duration?
        /// As the member has measured it last; nil without a link, and before it has.
        package let roundTrip: Duration?
        /// The member's streams, which outlast its link for a while.
        package let carriedStreamCount: Int
        /// Why the last link ended; nil while there is one, and before the first.
        package let lastError: String?
    }

    /// How much there is of everything that comes and goes.
    package struct Load: Sendable, Equatable {
        /// Those that have a link, are waited for, or are not forgotten yet.
        package var members = 0
        /// Connections asked for that have neither come nor failed.
        package var dials = 0
        /// Carried streams of all members.
        package var streams = 0
        /// Of the member with the most of them.
        package var eventsKept = 0
        /// As `eventsKept`, of the member with the most bytes.
        package var eventBytesKept = 0

        /// Nothing of anything.
        package init() {}
    }

    /// Counted at each call, over all members.
    package var load: Load {
        var load = Load()
        load.members = members.count
        load.dials = dials.count
        for member in members.values {
            load.streams += member.streams.count
            load.eventsKept = max(load.eventsKept, member.ring.count)
            load.eventBytesKept = max(load.eventBytesKept, member.ring.byteCount)
        }
        return load
    }

    /// Of every member that is not forgotten, in the order of their server ids.
    package var statuses: [Status] {
        members.sorted { $0.key < $1.key }.map { name, member in
            Status(
                member: name, isLinked: member.link != nil, since: member.link?.since,
                roundTrip: member.link?.roundTrip,
                carriedStreamCount: member.streams.count, lastError: member.lastError)
        }
    }
}
