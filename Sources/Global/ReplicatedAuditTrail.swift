// The records of changes as all full members have them: leases audit/<serverId>/<id> of the member where a change was made.
import Directory
import JSON
package import Replica
package import Store
import Synchronization

/// Keeps the records of what is changed at this member in the map, for 400 days, and finds those of all members.
package final class ReplicatedAuditTrail: AuditTrail {
    private let store: Store
    private let serverID: ServerID
    private let countMax: Int
    /// Of this member's records, in ascending order: the oldest goes where there are too many.
    private let ids: Mutex<[String]>

    /// More are not kept of one member.
    package static let countMax = 10_000
    /// Of one record as JSON. A longer one has hashes and a difference in place of the values.
    static let recordByteCountMax = 64 << 10

    /// Reads which records this member has.
    ///
    /// - Parameter countMax: For tests.
    package init(in store: Store, of serverID: ServerID, countMax: Int = countMax) throws(StoreError) {
        self.store = store
        self.serverID = serverID
        self.countMax = countMax
        var own: [String] = []
        try Self.forEach(in: store, prefix: Array("\(KeyClass.audit.prefix)/\(serverID)/".utf8)) { key, _ in
            if case .audit(_, let id)? = key { own.append(id) }
        }
        ids = Mutex(own.sorted())
    }

    package func writes(keeping record: AuditRecord) -> FollowingWrites {
        let oldest = ids.withLock { ids in
            // A transaction that is tried again asks again.
            if !ids.contains(record.id) { ids.append(record.id) }
            let surplus = Array(ids.prefix(max(0, ids.count - countMax)))
            ids.removeFirst(surplus.count)
            return surplus
        }
        let kept = LocalWrite(key: key(record.id), change: .put(Self.text(record), leaseMilliseconds: nil))
        return FollowingWrites(entries: [kept] + oldest.map { LocalWrite(key: key($0), change: .delete) })
    }

    package func records(of key: Key?) throws(StoreError) -> [AuditRecord] {
        var records: [AuditRecord] = []
        try Self.forEach(in: store, prefix: LeaseKey.prefix(of: .audit)) { lease, value in
            // One member does not speak for another.
            guard let json = try? JSONValue.parse(value), let record = AuditRecord(json),
                record.serverID == lease?.owner
            else { return }
            if key == nil || record.key == key { records.append(record) }
        }
        return records.sorted { ($0.time, $0.id) < ($1.time, $1.id) }
    }

    private func key(_ id: String) -> Key { LeaseKey.audit(serverID, id: id).key }

    private static func text(_ record: AuditRecord) -> [UInt8] {
        var text = Array(record.toJSON().canonicalText.utf8)
        // What JSON escapes may take several times its length.
        var byteCountMax = recordByteCountMax / 2
        while text.count > recordByteCountMax {
            byteCountMax /= 2
            text = Array(record.withoutValues(differenceByteCountMax: byteCountMax).toJSON().canonicalText.utf8)
        }
        return text
    }

    private static func forEach(
        in store: Store, prefix: [UInt8], _ body: (LeaseKey?, [UInt8]) -> Void
    ) throws(StoreError) {
        try store.read { (snapshot) throws(StoreError) in
            try snapshot.forEach(prefix: prefix) { (header, _, key, value) throws(StoreError) in
                if header.kind == .value { body(LeaseKey(key), value.copy()) }
                return true
            }
        }
    }
}
