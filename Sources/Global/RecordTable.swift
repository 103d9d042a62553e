// Records that a member keeps for itself, so many and no more: where one is added, the oldest one goes.
import JSON
import OperatingSystem
import Replica
import Store
import Synchronization

/// A bounded table of records in the store, in the order of their ids.
final class RecordTable: Sendable {
    private let store: Store
    private let prefix: [UInt8]
    private let countMax: Int
    /// In ascending order; nil until they were read.
    private let ids: Mutex<[String]>

    /// Reads which records there are.
    init(_ name: String, in store: Store, countMax: Int) throws(StoreError) {
        self.store = store
        let prefix = Array("\(name)/".utf8)
        self.prefix = prefix
        self.countMax = countMax
        ids = Mutex(
            try store.scanLocal(prefix: prefix).map { String(decoding: $0.key.dropFirst(prefix.count), as: UTF8.self) })
    }

    /// An id that comes after those of earlier times.
    static func makeID(at time: WallTime) -> String {
        let digits = String(time.milliseconds, radix: 16)
        return String(repeating: "0", count: max(0, 12 - digits.count)) + digits + "-" + RandomText.make(byteCount: 8)
    }

    /// What is to be written for a record to be there, and for the oldest one to go where there are too many.
    func changes(adding id: String, _ record: JSONValue) -> [LocalChange] {
        let oldest = ids.withLock { ids in
            let position = ids.lastIndex { $0 <= id }.map { $0 + 1 } ?? 0
            // A transaction that is tried again asks again.
            if position == 0 || ids[position - 1] != id { ids.insert(id, at: position) }
            let surplus = Array(ids.prefix(max(0, ids.count - countMax)))
            ids.removeFirst(surplus.count)
            return surplus
        }
        return [.put(key(id), Array(record.canonicalText.utf8))] + oldest.map { .delete(key($0)) }
    }

    /// All records with their ids, the oldest first; what cannot be read is left out.
    func all() throws(StoreError) -> [(id: String, record: JSONValue)] {
        try store.scanLocal(prefix: prefix).compactMap { key, value in
            guard let record = try? JSONValue.parse(value) else { return nil }
            return (String(decoding: key.dropFirst(prefix.count), as: UTF8.self), record)
        }
    }

    private func key(_ id: String) -> [UInt8] { prefix + Array(id.utf8) }
}
