// When the map is to be purged next: audit entries apart, because they are kept so much longer than other leases.
import Replica

/// Times before which nothing is to be purged, nil where nothing ever is.
///
/// A purge looks at every lease, and there may be far more audit entries than others: they are looked at only when one of
/// them is due.
struct PurgeTimes {
    private(set) var leases: WallTime?
    private(set) var audit: WallTime?

    /// That of audit entries, or of all other leases.
    subscript(isAudit isAudit: Bool) -> WallTime? {
        get { isAudit ? audit : leases }
        set { if isAudit { audit = newValue } else { leases = newValue } }
    }

    /// The earlier one.
    var earliest: WallTime? {
        guard let leases, let audit else { return leases ?? audit }
        return min(leases, audit)
    }

    /// An entry is to be purged at a time.
    @inline(__always)
    mutating func note(_ purgeTime: WallTime, isAudit: Bool) {
        if isAudit {
            audit = min(audit ?? purgeTime, purgeTime)
        } else {
            leases = min(leases ?? purgeTime, purgeTime)
        }
    }

    /// Whether some may be due.
    func isDue(isAudit: Bool, at now: WallTime) -> Bool { self[isAudit: isAudit].map { $0 <= now } ?? false }
}
