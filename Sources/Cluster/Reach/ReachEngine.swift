// What is known of the way from here to each other member, and when that is tried next: a value.
package import Directory
package import Engines
package import Replica

/// What a probe tries, and what was learnt is about.
package struct ReachTarget: Sendable, Equatable {
    /// Where the member says that it is reached, and with which certificate.
    package let address: ServerAddress
    /// That of the member's process: after a restart there is more to learn.
    package let origin: Origin?

    package init(address: ServerAddress, origin: Origin?) {
        self.address = address
        self.origin = origin
    }
}

/// That a member cannot be reached from here.
package struct Unreachability: Sendable, Equatable {
    /// For people, without the member's name.
    package let reason: String
    /// When the first of the failures was after which there was none but failures; by the clock of whoever tells the time.
    package let since: Duration
}

/// Times and limits of the probes.
package struct ReachSettings: Sendable {
    /// A member of which nothing was learnt for so long is probed, a quarter more or less.
    package var interval: Duration = .seconds(60)
    /// The same of a member that could not be reached: it is to be chosen again soon after it is back.
    package var retryTime: Duration = .seconds(15)
    /// Members that are new, or have moved, are probed within this time: not by all others at once.
    package var firstTime: Duration = .seconds(4)
    /// Members that are suspected to be gone, or may be back, are probed within this time.
    package var suspicionTime: Duration = .seconds(1)
    /// For how long a member is doubtful that nobody probes.
    package var doubtTime: Duration = .seconds(60)
    /// Probes that run at once: one that hangs holds the others up, and a host without a network has nothing but those.
    package var probesAtOnce = 4

    /// The defaults.
    package init() {}
}

/// Learns from what was carried, from links, and from probes of members of which neither has told anything lately.
package struct ReachEngine: Engine, Sendable {
    /// What the owner has to do.
    package enum Effect: Sendable, Equatable {
        /// Try the way to a member, and say what came of it by `probed`.
        case probe(ServerID, ReachTarget)
        /// Whom this member cannot reach, or why, is another than before.
        case verdictsChanged
    }

    private enum Failure {
        /// The way was tried.
        case tried(Unreachability, last: Duration)
        /// Something says that the member may be gone, and it was not tried since.
        case suspected(Duration)
    }

    /// A member that is probed.
    private struct Candidate {
        var target: ReachTarget
        var due: Duration
        var isRunning = false
    }

    private var settings: ReachSettings
    private var random: any RandomNumberGenerator & Sendable
    private var candidates: [ServerID: Candidate] = [:]
    private var failures: [ServerID: Failure] = [:]
    /// When members were reached for the last time.
    private var reached: [ServerID: Duration] = [:]
    private var runningCount = 0
    /// No probe is due before; it may be too early, as that costs one look.
    private var earliest: Duration?
    private var effects: [Effect] = []

    /// Knows nothing, and probes nobody before there are candidates.
    package init(settings: ReachSettings = ReachSettings(), random: any RandomNumberGenerator & Sendable) {
        self.settings = settings
        self.random = random
    }

    // MARK: Who is probed

    /// A member may be asked for something, and is reached at `target`: it is probed from time to time.
    package mutating func add(_ member: ServerID, _ target: ReachTarget, at now: Duration) {
        let old = candidates[member]
        guard old?.target != target else { return }
        if let old, old.target.address != target.address { forget(member) }
        let due = soon(now, within: settings.firstTime)
        candidates[member] = Candidate(
            target: target, due: min(old?.due ?? due, due), isRunning: old?.isRunning ?? false)
        expect(due)
    }

    /// A member is no more, or is not to be asked from here.
    package mutating func remove(_ member: ServerID) {
        if candidates.removeValue(forKey: member)?.isRunning == true { runningCount -= 1 }
        forget(member)
    }

    /// Takes another time between probes. It counts from the next one of each member on.
    package mutating func setInterval(_ interval: Duration) { settings.interval = interval }

    // MARK: What is learnt

    /// The member answered a request.
    package mutating func succeeded(_ member: ServerID, at now: Duration) {
        reached[member] = now
        if case .tried? = failures.removeValue(forKey: member) { effects.append(.verdictsChanged) }
        plan(member, at: now + spread(settings.interval))
    }

    /// A connection to the member did not come about, or nothing was answered there.
    package mutating func failed(_ member: ServerID, _ reason: String, at now: Duration) {
        var since = now
        if case .tried(let old, _)? = failures[member] {
            since = old.since
            if old.reason != reason { effects.append(.verdictsChanged) }
        } else {
            effects.append(.verdictsChanged)
        }
        failures = failures.filter { isDoubtful($0.key, at: now) }
        failures[member] = .tried(Unreachability(reason: reason, since: since), last: now)
        plan(member, at: now + spread(min(settings.retryTime, settings.interval)))
    }

    /// A link to or from the member is up. By which address it came about is not said: what was tried says more.
    package mutating func linkOpened(_ member: ServerID, at now: Duration) {
        switch failures[member] {
        case .suspected?: failures[member] = nil
        case .tried?: probeSoon(member, at: now)
        case nil: break
        }
    }

    /// A link ended in a way that says that the member may be gone, or a connection to it takes long.
    package mutating func suspected(_ member: ServerID, at now: Duration) {
        probeSoon(member, at: now)
        if case .tried? = failures[member] { return }
        failures[member] = .suspected(now)
    }

    /// What came of a probe: nil where the member answered, otherwise why not.
    package mutating func probed(_ member: ServerID, _ target: ReachTarget, _ failure: String?, at now: Duration) {
        guard let candidate = candidates[member], candidate.isRunning else { return tick(at: now) }
        candidates[member]?.isRunning = false
        runningCount -= 1
        if candidate.target != target {
            // It has moved meanwhile: nothing is learnt of where it is now.
            plan(member, at: soon(now, within: settings.suspicionTime))
        } else if let failure {
            failed(member, failure, at: now)
        } else {
            succeeded(member, at: now)
        }
        tick(at: now)
    }

    private mutating func probeSoon(_ member: ServerID, at now: Duration) {
        guard let due = candidates[member]?.due else { return }
        plan(member, at: min(due, soon(now, within: settings.suspicionTime)))
    }

    private mutating func forget(_ member: ServerID) {
        reached[member] = nil
        if case .tried? = failures.removeValue(forKey: member) { effects.append(.verdictsChanged) }
    }

    // MARK: Questions

    /// Whether the member is better asked after the others.
    package func isDoubtful(_ member: ServerID, at now: Duration) -> Bool {
        switch failures[member] {
        case nil: false
        case .suspected(let when)?: now < when + settings.doubtTime
        // The next probe says otherwise, where there is one.
        case .tried(_, let last)?: candidates[member] != nil || now < last + settings.doubtTime
        }
    }

    /// Why the member cannot be reached; nil where nothing says so.
    package func unreachability(of member: ServerID, at now: Duration) -> Unreachability? {
        guard case .tried(let found, _)? = failures[member], isDoubtful(member, at: now) else { return nil }
        return found
    }

    /// All members that cannot be reached from here.
    package func unreachable(at now: Duration) -> [ServerID: Unreachability] {
        var found: [ServerID: Unreachability] = [:]
        for member in failures.keys { found[member] = unreachability(of: member, at: now) }
        return found
    }

    /// When the member was reached for the last time; nil where it was not since it is where it is.
    package func reached(_ member: ServerID) -> Duration? { reached[member] }

    // MARK: Time

    package mutating func takeEffects(_ taken: inout [Effect]) { swap(&effects, &taken) }

    /// Nil also where as many probes run as may: the end of one begins the next.
    package var nextDeadline: Duration? { runningCount < settings.probesAtOnce ? earliest : nil }

    package mutating func tick(at now: Duration) {
        guard let due = earliest, due <= now else { return }
        let waiting = candidates.filter { !$0.value.isRunning }.sorted {
            ($0.value.due, $0.key) < ($1.value.due, $1.key)
        }
        let begun = waiting.prefix { $0.value.due <= now }.prefix(settings.probesAtOnce - runningCount)
        for (member, candidate) in begun {
            candidates[member]?.isRunning = true
            runningCount += 1
            effects.append(.probe(member, candidate.target))
        }
        earliest = waiting.dropFirst(begun.count).first?.value.due
    }

    private mutating func plan(_ member: ServerID, at due: Duration) {
        guard candidates[member] != nil else { return }
        candidates[member]?.due = due
        expect(due)
    }

    private mutating func expect(_ due: Duration) { earliest = earliest.map { min($0, due) } ?? due }

    /// A time within a while from now, and no two members' the same.
    private mutating func soon(_ now: Duration, within time: Duration) -> Duration {
        now + time * Double.random(in: 0...1, using: &random)
    }

    /// A quarter more or less, so that members that began together do not go on together.
    private mutating func spread(_ time: Duration) -> Duration {
        time * Double.random(in: 0.75...1.25, using: &random)
    }
}
