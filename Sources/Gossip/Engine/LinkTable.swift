// The links of a member by id, and when something about any of them is due.

/// Links in the order of their ids, which is the order in which they came to be.
struct LinkTable {
    private var ids: [LinkID] = []
    private(set) var values: [Link] = []
    private let agenda = Agenda()

    var count: Int { ids.count }
    var keys: [LinkID] { ids }

    /// The ids of the links that have come this far.
    func keys(in phase: LinkPhase) -> [LinkID] {
        var found: [LinkID] = []
        for link in values where link.phase == phase { found.append(link.id) }
        return found
    }

    /// The link with an id. Setting nil takes it out.
    subscript(id: LinkID) -> Link? {
        get { position(of: id).map { values[$0] } }
        set {
            if let newValue { insert(newValue) } else { removeValue(forKey: id) }
        }
    }

    /// When something about any link is due next, or earlier, where no link has changed since it was reckoned.
    var knownDeadline: Duration?? { agenda.earliest }

    /// When something about any link is due next, or earlier. Only links that changed since are looked at.
    func earliestDeadline(_ settings: EngineSettings) -> Duration? {
        var earliest: Duration?
        for link in values {
            guard let due = link.due(settings) else { continue }
            if earliest.map({ due < $0 }) ?? true { earliest = due }
        }
        agenda.earliest = .some(earliest)
        return earliest
    }

    @discardableResult
    mutating func removeValue(forKey id: LinkID) -> Link? {
        guard let position = position(of: id) else { return nil }
        ids.remove(at: position)
        agenda.earliest = nil
        return values.remove(at: position)
    }

    private mutating func insert(_ link: Link) {
        let position = ids.firstIndex { link.id < $0 } ?? ids.count
        ids.insert(link.id, at: position)
        values.insert(link, at: position)
        link.join(agenda)
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

/// What the links of one member know together: when something about any of them is due.
final class Agenda {
    /// Nil when a link has changed since it was asked for; nil within when nothing is due.
    var earliest: Duration??
}
