// Knows what must be true of every map, whatever goes wrong, and notes what is not.
//
// Durability: what was acknowledged is there, or something higher. No resurrection: a member's entry of a key never
// goes back to a lower version, and nothing deleted is seen again while its tombstone has to be there. No version is
// issued twice. The rules are stated here anew, from the protocol's document, rather than taken from the engine.
import Gossip
import Replica
import SimulatedWorld

/// Watches every change of every map of a world.
final class Oracle {
    /// From the protocol's document: how long a lease lasts at most, and how much longer its tombstone.
    static let leaseLongest: UInt64 = 120_000
    static let tombstoneMargin: UInt64 = 120_000
    /// The same of audit entries, which last 400 days.
    static let auditLongest: UInt64 = 34_560_000_000

    private let world: World
    /// The member with a gateway key, which has no audit entries.
    private let gateway: Int?
    /// By key number: the highest entry that was acknowledged to somebody and must not be lost.
    private var required: [EntryNumber?] = []
    /// By member and key number: the highest entry that a member ever had, unless a fault of its own excuses less.
    private var highest: [[EntryNumber?]] = []
    private(set) var writeCount = 0
    /// Members whose clock was wrong at some time: what they purged they may meet again.
    private var clockWasWrong: Set<Int> = []

    init(world: World, gateway: Int?) {
        self.world = world
        self.gateway = gateway
    }

    // MARK: What happens

    func watch(_ member: Member) {
        while highest.count <= member.number { highest.append([]) }
        member.store.onChange = { [self, unowned member] change in note(change, at: member) }
    }

    /// A write was committed and answered.
    func acknowledged(_ entries: [Entry]) {
        writeCount += entries.count
        for entry in entries {
            let number = world.pool.number(of: entry)
            let keyNumber = Int(world.pool[number].keyNumber)
            Self.grow(&required, keyNumber)
            if let known = required[keyNumber], world.pool[known].precedence > world.pool[number].precedence {
                continue
            }
            required[keyNumber] = number
        }
    }

    func clockChanged(_ member: Member) {
        clockWasWrong.insert(member.number)
        forgetPurged(member)
    }

    /// A member's disk went back to an older state, which is now its store: what only it had may be lost.
    func rolledBack(_ member: Member) {
        var present: [EntryNumber?] = []
        member.store.forEach { number in
            let keyNumber = Int(world.pool[number].keyNumber)
            Self.grow(&present, keyNumber)
            present[keyNumber] = number
        }
        let own = Set(member.origins)
        for keyNumber in required.indices {
            guard let number = required[keyNumber], own.contains(world.pool[number].version.origin) else { continue }
            let isStillThere = keyNumber < present.count && present[keyNumber] == number
            if !isStillThere { required[keyNumber] = nil }
        }
        highest[member.number] = present
    }

    private func note(_ change: MapChange, at member: Member) {
        let keyNumber = Int(change.keyNumber)
        Self.grow(&highest[member.number], keyNumber)
        guard let new = change.new else { return notePurge(change, at: member) }
        if member.number == gateway, world.pool[new].isAudit {
            world.violate("\(member.name) has the audit entry \(world.pool.key(change.keyNumber)) with a gateway key")
        }
        if change.cause == .restamp {
            // Stamped ahead and refused by everybody: it is issued anew under a lower version.
            highest[member.number][keyNumber] = new
            if keyNumber < required.count, required[keyNumber] == change.old { required[keyNumber] = new }
            return
        }
        if let known = highest[member.number][keyNumber], change.cause == .link,
            world.pool[known].precedence > world.pool[new].precedence
        {
            world.violate(
                "\(member.name) went back to an older entry of \(world.pool.key(change.keyNumber)): from "
                    + "\(world.describe(known)) to \(world.describe(new))")
        }
        highest[member.number][keyNumber] = new
    }

    private func notePurge(_ change: MapChange, at member: Member) {
        guard let old = change.old else { return }
        let entry = world.pool[old]
        let key = world.pool.key(change.keyNumber)
        guard key.keyClass.isLease else {
            return world.violate("\(member.name) lost the durable entry \(key)")
        }
        let due = dueTime(entry)
        if due > member.wall {
            world.violate("\(member.name) purged \(key) \(due.millisecondsSince(member.wall)) ms early")
        }
        guard due > trueTime else { return }
        // Its own clock said that the time had come. If nobody else had it, it is lost, as leases are.
        highest[member.number][Int(change.keyNumber)] = nil
        // What replaced the entry that is required goes with it.
        guard change.keyNumber < required.count, let needed = required[Int(change.keyNumber)],
            world.pool[needed].precedence <= entry.precedence
        else { return }
        if !(entry.isAudit && isHeldElsewhere(old, than: member)) { required[Int(change.keyNumber)] = nil }
    }

    /// Whether another member has an entry: then the one that purged it gets it back once its clock is right.
    private func isHeldElsewhere(_ number: EntryNumber, than member: Member) -> Bool {
        let entry = world.pool.entry(number)
        return world.members.contains { $0 !== member && $0.number < highest.count && $0.store[entry.key] == entry }
    }

    /// When an entry of a lease may be forgotten.
    private func dueTime(_ entry: EntryPool.Pooled) -> WallTime {
        let longest = entry.isAudit ? Self.auditLongest : Self.leaseLongest
        return entry.version.clock.time.advanced(byMilliseconds: longest + Self.tombstoneMargin)
    }

    /// What a clock that is right shows now.
    private var trueTime: WallTime { startOfTime.advanced(byMilliseconds: UInt64(world.now / 1_000_000)) }

    private func forgetPurged(_ member: Member) {
        var present = Set<EntryNumber>()
        member.store.forEach { present.insert($0) }
        for keyNumber in highest[member.number].indices {
            if let number = highest[member.number][keyNumber], !present.contains(number) {
                highest[member.number][keyNumber] = nil
            }
        }
    }

    private static func grow(_ numbers: inout [EntryNumber?], _ index: Int) {
        if index >= numbers.count { numbers += repeatElement(nil, count: index + 16 - numbers.count) }
    }

    // MARK: What must be true at a quiet point

    /// Checks the maps of members that have converged.
    func checkQuiet(_ members: [Member]) {
        for member in members { checkRequired(member) }
        checkVersions()
        checkStamps(members[0])
    }

    /// No entry is stamped so far ahead that nobody could overwrite it.
    private func checkStamps(_ member: Member) {
        let bound = trueTime.advanced(byMilliseconds: Self.clockBound)
        member.store.forEach { number in
            guard world.pool[number].version.clock.time > bound else { return }
            let key = world.pool.key(world.pool[number].keyNumber)
            world.violate("\(member.name) has \(key) stamped ahead of time: \(world.describe(number))")
        }
    }

    private static let clockBound: UInt64 = 60_000

    private func checkRequired(_ member: Member) {
        var present: [EntryNumber?] = []
        member.store.forEach { number in
            let keyNumber = Int(world.pool[number].keyNumber)
            Self.grow(&present, keyNumber)
            present[keyNumber] = number
        }
        for (keyNumber, number) in required.enumerated() {
            guard let number, mustStillBeThere(number) else { continue }
            if world.pool[number].isAudit, member.number == gateway { continue }
            let key = world.pool.key(Int32(keyNumber))
            guard keyNumber < present.count, let found = present[keyNumber] else {
                world.violate("\(member.name) lacks the acknowledged entry of \(key), \(world.describe(number))")
                continue
            }
            if world.pool[found].precedence < world.pool[number].precedence, !isDeadAnyway(found, insteadOf: number) {
                let what = world.pool[number].kind == .tombstone ? "deleted" : "acknowledged"
                world.violate(
                    "\(member.name) has an older entry of \(key), \(world.describe(found)), than the one \(what), "
                        + world.describe(number))
            }
        }
    }

    /// A member whose clock is years ahead purges a tombstone before it is passed on. An older value that comes back then
    /// and has expired by every tolerable clock is seen by nobody.
    private func isDeadAnyway(_ found: EntryNumber, insteadOf number: EntryNumber) -> Bool {
        guard world.pool[number].kind == .tombstone, let expiry = world.pool[found].expiry else { return false }
        return expiry.advanced(byMilliseconds: Self.clockBound) <= trueTime
    }

    private func mustStillBeThere(_ number: EntryNumber) -> Bool {
        let entry = world.pool[number]
        guard world.pool.key(entry.keyNumber).keyClass.isLease else { return true }
        // What is about to expire may be gone at one member and not at another.
        return dueTime(entry) > trueTime.advanced(byMilliseconds: 2_000)
            && entry.version.clock.time <= trueTime.advanced(byMilliseconds: 1)
    }

    /// One version of one key never stands for two contents.
    private func checkVersions() {
        for (keyNumber, numbers) in world.pool.numbersByKey.enumerated() where numbers.count > 1 {
            var seen: [Version: EntryNumber] = [:]
            for number in numbers {
                let version = world.pool[number].version
                if let other = seen.updateValue(number, forKey: version) {
                    world.violate(
                        "one version of \(world.pool.key(Int32(keyNumber))) was issued twice: "
                            + "\(world.describe(other)) and \(world.describe(number))")
                }
            }
        }
    }
}

extension World {
    /// When and by whom an entry was written, for people.
    func describe(_ number: EntryNumber) -> String {
        let entry = pool[number]
        let written = Double(entry.version.clock.time.millisecondsSince(startOfTime)) / 1_000
        let writer = members.first { $0.origins.contains(entry.version.origin) }?.name ?? "a test"
        let kind = entry.kind == .tombstone ? "tombstone" : "value"
        let expiry = entry.expiry.map { " until \(Double($0.millisecondsSince(startOfTime)) / 1_000) s" } ?? ""
        return "\(kind) of \(writer) at \(written) s\(expiry)"
    }
}
