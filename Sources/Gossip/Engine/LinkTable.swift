// The links of a member by id, changed in place: a link is a large value, and every message changes several fields.

/// Links in the order of their ids, which is the order in which they came to be.
struct LinkTable: Sendable {
    private var ids: [LinkID] = []
    private var slots: [Link?] = []
    /// When something about the link in the same slot is due, as far as it was asked for since the link changed.
    private var deadlines: [Deadline] = []

    private enum Deadline: Sendable {
        case unknown
        case never
        case at(Duration)
    }

    var count: Int { ids.count }
    var keys: [LinkID] { ids }
    /// Copies of all links; for what is not done with every message.
    var values: [Link] { slots.compactMap { $0 } }

    /// The ids of the links that have come this far.
    func keys(in phase: LinkPhase) -> [LinkID] {
        var found: [LinkID] = []
        for position in slots.indices where slots[position]?.phase == phase { found.append(ids[position]) }
        return found
    }

    /// The ids of the links on which keys are left out of reconciliation.
    var keysWithLeftOut: [LinkID] {
        var found: [LinkID] = []
        for position in slots.indices where slots[position]?.hasLeftOut == true { found.append(ids[position]) }
        return found
    }

    /// The link with an id. Setting nil takes it out.
    subscript(id: LinkID) -> Link? {
        _read {
            if let position = position(of: id) { yield slots[position] } else { yield nil }
        }
        _modify {
            if let position = position(of: id) {
                deadlines[position] = .unknown
                yield &slots[position]
                if slots[position] == nil { removeSlot(at: position) }
            } else {
                var link: Link?
                yield &link
                if let link { insert(link) }
            }
        }
    }

    /// When something about any link is due next. Asked after every input, so only links that changed are looked at.
    mutating func earliestDeadline(_ settings: EngineSettings) -> Duration? {
        var earliest: Duration?
        for position in deadlines.indices {
            guard let due = knownDeadline(at: position, settings) else { continue }
            if earliest.map({ due < $0 }) ?? true { earliest = due }
        }
        return earliest
    }

    /// Whether something about a link is due.
    mutating func isDue(_ id: LinkID, at uptime: Duration, _ settings: EngineSettings) -> Bool {
        guard let position = position(of: id), let due = knownDeadline(at: position, settings) else { return false }
        return due <= uptime
    }

    private mutating func knownDeadline(at position: Int, _ settings: EngineSettings) -> Duration? {
        if case .unknown = deadlines[position] {
            deadlines[position] = deadline(at: position, settings).map { .at($0) } ?? .never
        }
        guard case .at(let due) = deadlines[position] else { return nil }
        return due
    }

    /// Fields are read where they lie: a method of a link would copy it.
    private func deadline(at position: Int, _ settings: EngineSettings) -> Duration? {
        var earliest: Duration?
        @inline(__always) func consider(_ candidate: Duration?, plus wait: Duration = .zero) {
            guard let candidate else { return }
            let due = candidate + wait
            earliest = earliest.map { min($0, due) } ?? due
        }
        consider(slots[position]?.deadline)
        let phase = slots[position]?.phase
        if phase == .contending { consider(slots[position]?.since.uptime, plus: settings.contentionWait) }
        guard phase == .open else { return earliest }
        consider(slots[position]?.nextPing)
        consider(slots[position]?.challengeDeadline)
        consider(slots[position]?.roundDue)
        consider(slots[position]?.lastHeard, plus: settings.silenceLimit)
        consider(slots[position]?.round?.lastProgress, plus: settings.roundStallLimit)
        return earliest
    }

    mutating func removeValue(forKey id: LinkID) -> Link? {
        guard let position = position(of: id), let link = slots[position] else { return nil }
        removeSlot(at: position)
        return link
    }

    private mutating func insert(_ link: Link) {
        let position = ids.firstIndex { link.id < $0 } ?? ids.count
        ids.insert(link.id, at: position)
        slots.insert(link, at: position)
        deadlines.insert(.unknown, at: position)
    }

    private mutating func removeSlot(at position: Int) {
        ids.remove(at: position)
        slots.remove(at: position)
        deadlines.remove(at: position)
    }

    @inline(__always)
    private func position(of id: LinkID) -> Int? {
        var low = 0
        var high = ids.count
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < ids.count && ids[low] == id ? low : nil
    }
}
