// What became of one value over time, made out of the records of changes: also of those that lost against others.
package import Replica

/// The changes of one value as far as their records are known here.
package struct GlobalHistory: Sendable {
    /// One change, and what became of it.
    package struct Change: Sendable, Equatable {
        /// What was done, by whom.
        package let record: AuditRecord
        /// What became of it.
        package let fate: Fate
    }

    /// What became of a version.
    package enum Fate: Sendable, Equatable {
        /// It is in the map.
        case current
        /// Somebody has changed it on purpose.
        case changed
        /// Somebody who had not seen it wrote at the same time, and his version won when the two met.
        case overwritten(by: AuditRecord)
        /// Another version is in its place, and of that one there is no record here.
        case replaced(by: Version?)
    }

    /// Of all changes, in the order of their versions.
    package let changes: [Change]
    /// The version in the map, where there is no record of it here; also of a value that was deleted.
    package let unrecorded: Version?

    /// - Parameters:
    ///   - records: All that are known of the value, in any order.
    ///   - current: Of the entry in the map, also where it says that the value was deleted; nil where there is none.
    package init(_ records: [AuditRecord], current: Version?) {
        let sorted = records.sorted { $0.after < $1.after }
        let seen = Set(sorted.compactMap(\.before))
        changes = sorted.enumerated().map { position, record in
            let fate: Fate
            if record.after == current {
                fate = .current
            } else if seen.contains(record.after) {
                fate = .changed
            } else if let winner = sorted[(position + 1)...].first(where: { $0.isWritten(withoutSeeing: record.after) })
            {
                fate = .overwritten(by: winner)
            } else {
                fate = .replaced(by: current)
            }
            return Change(record: record, fate: fate)
        }
        unrecorded = current.flatMap { current in sorted.contains { $0.after == current } ? nil : current }
    }

    /// The text that a version had, or nil where it said that the value was gone.
    ///
    /// - Throws: `GlobalRefusal.notInHistory` where no record has it.
    package func text(of version: Version) throws(GlobalRefusal) -> [UInt8]? {
        var isKnown = false
        for change in changes {
            let record = change.record
            guard record.after == version || record.before == version else { continue }
            isKnown = true
            guard case .whole(let before, let after) = record.values else { continue }
            return record.after == version ? after : before
        }
        throw .notInHistory(
            isKnown
                ? "the text of version \(version.text) was too long to be kept beside the one that took its place"
                : "there is no version \(version.text) in the history of this value; see \"fastx-agent config history\""
        )
    }
}

extension AuditRecord {
    /// Whether whoever made the change had an older version before him.
    fileprivate func isWritten(withoutSeeing version: Version) -> Bool { before.map { $0 < version } ?? true }
}
