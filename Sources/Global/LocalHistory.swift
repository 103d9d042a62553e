// What was changed in the files of this member, by whom: records that stay on this member.
package import JSON
package import Replica
package import Store

/// One change of the configuration files of this member.
package struct LocalRecord: Sendable, Equatable {
    /// When it was taken up.
    package let time: WallTime
    /// Who asked for it; nil: the files were edited.
    package let source: String?
    /// The account that asked, where that is known.
    package let user: String?
    /// The address that it was asked from, where it came over the network.
    package let address: String?
    /// A line for each difference, without secrets.
    package let lines: [String]

    package init(time: WallTime, source: String?, user: String?, address: String?, lines: [String]) {
        self.time = time
        self.source = source
        self.user = user
        self.address = address
        self.lines = lines
    }

    /// As it is kept and told.
    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "time": .integer(Int64(clamping: time.milliseconds)), "lines": .array(lines.map { .string($0) }),
        ]
        if let source { members["source"] = .string(source) }
        if let user { members["user"] = .string(user) }
        if let address { members["address"] = .string(address) }
        return .object(members)
    }

    /// Reads a record that was kept; nil where it is none.
    package init?(_ json: JSONValue) {
        guard let milliseconds = json.integer("time"), milliseconds >= 0 else { return nil }
        self.init(
            time: WallTime(milliseconds: UInt64(milliseconds)), source: json.text("source"), user: json.text("user"),
            address: json.text("address"), lines: json.texts("lines"))
    }
}

/// The changes of this member's files, the last 10,000 of them.
package struct LocalHistory: Sendable {
    private let store: Store
    private let table: RecordTable

    /// More are not kept.
    package static let countMax = 10_000

    /// - Parameter countMax: For tests.
    package init(in store: Store, countMax: Int = countMax) throws(StoreError) {
        self.store = store
        table = try RecordTable("history", in: store, countMax: countMax)
    }

    /// Keeps a record of a change that was taken up.
    package func keep(_ record: LocalRecord) async throws(StoreError) {
        for change in table.changes(adding: RecordTable.makeID(at: record.time), record.json) {
            switch change {
            case .put(let key, let value): try await store.putLocal(key, value)
            case .delete(let key): try await store.deleteLocal(key)
            }
        }
    }

    /// All records with their ids, the oldest first.
    package func records() throws(StoreError) -> [(id: String, record: LocalRecord)] {
        try table.all().compactMap { id, json in LocalRecord(json).map { (id, $0) } }
    }
}
