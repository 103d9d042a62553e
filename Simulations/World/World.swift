// A deterministic world: members, connections that carry real bytes, and a virtual clock.
package import Gossip
package import NIOCore
package import Replica
package import Trust

/// When every simulation begins, by a clock that is right.
package let startOfTime = WallTime(milliseconds: 1_700_000_000_000)

/// Everything that happens in a run, one thing after the other, from one seed.
package final class World {
    /// Nanoseconds since the beginning.
    package private(set) var now: Int64 = 0
    package private(set) var members: [Member] = []
    /// Every connection that there ever was, while `keepsAccounts`; else those that may still be open.
    package internal(set) var connections: [Connection] = []
    /// For everything that is not left to the fault plan: origins, nonces, latencies.
    package var random: SplitMix64
    package let pool = EntryPool()
    package private(set) var trace = TraceHash()

    /// How long a message is under way.
    package var latency: Duration = .milliseconds(10) {
        didSet { latencyNanoseconds = latency.wholeNanoseconds }
    }
    private(set) var latencyNanoseconds: Int64 = 10_000_000
    /// By how much longer at most, drawn anew for each message.
    package var latencyJitter: Duration = .zero {
        didSet { latencyJitterNanoseconds = latencyJitter.wholeNanoseconds }
    }
    private(set) var latencyJitterNanoseconds: Int64 = 0
    /// Counts messages and entries by connection, for those who look at single connections.
    package var keepsAccounts = false
    /// Changes a message on its way from a member; nil loses it.
    package var tamper: ((Member, Message) -> Message?)?
    /// Changes the bytes of a message on its way, and may add messages after it.
    package var rewrite: ((_ from: Member, _ to: Member, ByteBuffer) -> [ByteBuffer])?
    /// What a dialling member sees as the certificate of a URL, where somebody sits in between.
    package var intercepted: [String: [UInt8]] = [:]
    /// Called for every report of every member's engine.
    package var onReport: ((Member, Report) -> Void)?
    /// Called when a message arrives, before the engine sees it.
    package var onArrival: ((_ from: Member, _ to: Member, Message) -> Void)?

    /// What went against the rules that always hold.
    package private(set) var violations: [String] = []
    package internal(set) var dialCount = 0
    /// Connections torn within a message.
    package internal(set) var tornCount = 0
    package internal(set) var messageCount = 0
    /// A run in which more is sent than this has gone out of hand and ends.
    package var messageCountMax = 5_000_000
    package var isOverrun: Bool { messageCount > messageCountMax }
    package internal(set) var byteCount = 0
    package internal(set) var eventCount = 0

    var paths: [PathKey: Path] = [:]
    /// The connections on which something is held back because a way is blocked.
    var holding: [PathKey: [Connection]] = [:]
    var connectionCount = 0
    var connectionCountBeforeCleaning = 0
    private var events = EventQueue()
    private var byName: [String: Member] = [:]
    private var byURL: [String: Member] = [:]

    package init(seed: UInt64) { random = SplitMix64(seed: seed) }

    package subscript(name: String) -> Member {
        guard let member = byName[name] else { preconditionFailure("no member \(name)") }
        return member
    }

    /// Adds a member, which is up at once.
    @discardableResult
    package func add(
        _ name: String, _ ring: KeyRing, serverID: ServerID? = nil, dials: [String] = [],
        settings: EngineSettings = EngineSettings(), url: String? = nil, store: (any SimulatedStore)? = nil
    ) -> Member {
        let member = Member(
            name: name, serverID: serverID ?? .named(name), number: members.count, url: url ?? name, ring: ring,
            settings: settings,
            store: store ?? MemoryStore(pool: pool), world: self)
        members.append(member)
        byName[name] = member
        // Of two members with one URL, a clone and its original, the first one answers.
        if byURL[member.url] == nil { byURL[member.url] = member }
        if !dials.isEmpty { member.setAccessPoints(dials) }
        return member
    }

    /// The member that listens at a URL and is up.
    func listener(at url: String) -> Member? {
        if let member = byURL[url], member.isUp { return member }
        return members.first { ($0.url == url || $0.aliases.contains(url)) && $0.isUp }
    }

    // MARK: Time

    package var uptime: Duration { .nanoseconds(now) }

    package func plan(after delay: Duration, _ action: @escaping () -> Void) {
        plan(at: now + delay.wholeNanoseconds, .action(action))
    }

    package func plan(at time: Duration, _ action: @escaping () -> Void) {
        plan(at: time.wholeNanoseconds, .action(action))
    }

    @inline(__always)
    func plan(at time: Int64, _ event: Event) { events.plan(at: max(time, now), event) }

    package func run(for duration: Duration) {
        let end = now + duration.wholeNanoseconds
        while let next = events.nextTime, next <= end, !isOverrun { step() }
        if isOverrun { violate("more than \(messageCountMax) messages were sent") }
        now = end
    }

    /// Runs until the condition holds; false when it did not within the limit.
    @discardableResult
    package func run(until isDone: () -> Bool, limit: Duration = .seconds(300)) -> Bool {
        let end = now + limit.wholeNanoseconds
        while !isDone() {
            guard let next = events.nextTime, next <= end else {
                now = end
                return isDone()
            }
            step()
        }
        return true
    }

    private func step() {
        guard let (time, event) = events.take() else { return }
        now = max(now, time)
        eventCount += 1
        switch event {
        case .arrive(let connection, let end, let parcel): arrive(parcel, over: connection, at: end)
        case .tick(let member, let incarnation, let due): member.tick(incarnation: incarnation, due: due)
        case .answer(let member, let incarnation): member.takeAnswer(incarnation: incarnation)
        case .action(let action): action()
        }
    }

    /// Ends the run: members and connections refer to each other and would never be let go otherwise.
    package func end() {
        events = EventQueue()
        for member in members { member.letGo() }
        members = []
        byName = [:]
        byURL = [:]
        connections = []
        holding = [:]
        onReport = nil
        onArrival = nil
        rewrite = nil
        tamper = nil
    }

    // MARK: What is noted

    package func violate(_ text: String) {
        if violations.count < 20 { violations.append("\(uptime): \(text)") }
    }

    @inline(__always)
    func mix(_ number: UInt64) { trace.mix(number) }

    func mix(arrival bytes: ByteBuffer, at member: Member) {
        trace.mix(UInt64(bitPattern: now))
        trace.mix(UInt64(member.number))
        trace.mix(bytes)
    }
}

extension Duration {
    /// Rounded towards zero.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
