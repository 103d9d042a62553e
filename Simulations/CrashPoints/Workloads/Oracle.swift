// The map as plainly as can be: what the store must hold, found without it.
import Replica

/// A dictionary, and the rules of the map applied to it one entry at a time.
struct Oracle {
    private(set) var entries: [Key: Entry] = [:]
    private(set) var local: [[UInt8]: [UInt8]] = [:]
    private var versions: VersionSource

    init(origin: Origin) { versions = VersionSource(origin: origin) }

    /// A process opens the store: its counting of versions begins anew.
    mutating func open() { versions = VersionSource(origin: versions.origin) }

    var state: MapState {
        var fingerprint = Fingerprint()
        for entry in entries.values { fingerprint.add(entry.digest) }
        return MapState(entryCount: entries.count, fingerprint: fingerprint, localCount: local.count)
    }

    /// The version that a reader sees.
    func liveVersion(_ key: Key, at now: WallTime) -> Version? {
        guard let entry = entries[key], !entry.isTombstone, !entry.isExpired(at: now) else { return nil }
        return entry.version
    }

    mutating func write(_ writes: [LocalWrite], expecting: [Key: Version?], at now: WallTime) {
        for (key, expected) in expecting where liveVersion(key, at: now) != expected { return }
        for write in writes {
            let replaced = entries[write.key]?.version.clock
            entries[write.key] = write.entry(versions.next(now: now, replacing: replaced))
        }
    }

    mutating func merge(_ batch: [Entry], at now: WallTime) {
        let admission = Admission(now: now)
        for entry in batch {
            let refusal = unsafe admission.refusal(entry.header, key: entry.key.bytes.span.bytes)
            if refusal != nil { continue }
            entries[entry.key] = entries[entry.key]?.merged(with: entry) ?? entry
        }
    }

    /// The keys of leases whose time has come, in the order in which they are purged.
    func due(at now: WallTime) -> [Key] {
        entries.values.filter { $0.purgeTime.map { $0 <= now } ?? false }.map(\.key).sorted { left, right in
            (left.keyClass.rawValue, left) < (right.keyClass.rawValue, right)
        }
    }

    mutating func purge(_ key: Key) { entries[key] = nil }

    /// Stamps anew what is further ahead than the clock bound.
    mutating func restamp(at now: WallTime) {
        let bound = now.advanced(byMilliseconds: Admission.clockBoundMilliseconds)
        let ahead = entries.values.filter { $0.version.clock.time > bound }
        for entry in ahead.sorted(by: { $0.key < $1.key }) {
            var change = LocalWrite.Change.delete
            if !entry.isTombstone {
                let lease = entry.expiry.map { UInt64($0.millisecondsSince(entry.version.clock.time)) }
                change = .put(entry.value, leaseMilliseconds: lease)
            }
            let version = versions.next(now: now, replacing: nil)
            entries[entry.key] = LocalWrite(key: entry.key, change: change).entry(version)
        }
    }

    mutating func putLocal(_ key: [UInt8], _ value: [UInt8]) { local[key] = value }
    mutating func deleteLocal(_ key: [UInt8]) { local[key] = nil }
}
