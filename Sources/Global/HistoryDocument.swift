// What commands and administrators are told of changes: of the cluster's configuration and of this member's files.
import Directory
package import JSON
package import MemberConfiguration
package import Replica
package import Store

/// The history of configuration.
package struct HistoryDocument: Sendable {
    private let store: Store
    private let trail: any AuditTrail
    private let history: LocalHistory
    private let writer: @Sendable (Origin) async -> ServerID?

    /// - Parameter writer: The member whose process has an origin, where that is known.
    package init(
        store: Store, trail: any AuditTrail, history: LocalHistory,
        writer: @escaping @Sendable (Origin) async -> ServerID?
    ) {
        self.store = store
        self.trail = trail
        self.history = history
        self.writer = writer
    }

    /// All of it, the oldest change first, as `config history` says it.
    ///
    /// - Parameter name: Of a value or of a file; nil: all of them.
    package func make(name: String?) async throws -> JSONValue {
        guard let name else {
            let all = try local(file: nil) + (try await global(try trail.records(of: nil)))
            return .array(all.sorted { $0.time < $1.time }.map(\.json))
        }
        if let file = Configuration.files.first(where: { $0.fileName == name }) {
            return .array(try local(file: file.fileName).map(\.json))
        }
        let value = try GlobalName.parse(name)
        var rows = try await global(try trail.records(of: value.key))
        if rows.isEmpty, let version = try current(value.key) { rows = [await unrecorded(value.key, version)] }
        return .array(rows.map(\.json))
    }

    private struct Row {
        let time: WallTime
        let json: JSONValue
    }

    // MARK: Files

    private func local(file: String?) throws -> [Row] {
        try history.records().compactMap { _, record in
            Self.fields(record, of: file).map { Row(time: record.time, json: .object($0)) }
        }
    }

    /// A page of the changes of this member's files, the newest first.
    ///
    /// - Parameters:
    ///   - file: Its name; nil: all of them.
    ///   - id: Of the change that the page before ended with; nil: the newest ones.
    package func fileChanges(of file: String?, before id: String?, countMax: Int) throws -> HistoryPage {
        let older = try history.records().reversed().filter { found, _ in id.map { found < $0 } ?? true }
        let rows = older.lazy.compactMap { id, record in
            Self.fields(record, of: file).map { (id: id, fields: $0.merging(["id": .string(id)]) { $1 }) }
        }
        // One more, to know whether there is one.
        let found = Array(rows.prefix(countMax + 1))
        return HistoryPage(
            changes: found.prefix(countMax).map { .object($0.fields) },
            next: found.count > countMax ? found[countMax - 1].id : nil)
    }

    /// Nil where nothing of the file was changed.
    private static func fields(_ record: LocalRecord, of file: String?) -> [String: JSONValue]? {
        let lines = record.lines.filter { line in file.map { line.hasPrefix("\($0): ") } ?? true }
        guard !lines.isEmpty else { return nil }
        var fields: [String: JSONValue] = [
            "time": .string(record.time.text), "kind": "file", "lines": .array(lines.map { .string($0) }),
        ]
        if let source = record.source { fields["source"] = .string(source) }
        if let user = record.user { fields["user"] = .string(user) }
        if let address = record.address { fields["address"] = .string(address) }
        return fields
    }

    // MARK: Values of the cluster

    private func global(_ records: [AuditRecord]) async throws -> [Row] {
        var rows: [Row] = []
        for (key, records) in Dictionary(grouping: records, by: \.key).sorted(by: { $0.key < $1.key }) {
            let history = GlobalHistory(records, current: try current(key))
            for change in history.changes {
                rows.append(Row(time: change.record.time, json: .object(await describe(change))))
            }
            if let version = history.unrecorded { rows.append(await unrecorded(key, version)) }
        }
        return rows
    }

    /// A page of the changes of one value, the newest first, with the lines in which the texts before and after differ.
    ///
    /// - Parameter version: That of the change that the page before ended with; nil: the newest ones.
    package func changes(of name: GlobalName, before version: Version?, countMax: Int) async throws -> HistoryPage {
        let history = GlobalHistory(try trail.records(of: name.key), current: try current(name.key))
        let recorded = history.changes.map { (version: $0.record.after, change: Optional($0)) }
        let all = recorded + (history.unrecorded.map { [(version: $0, change: nil)] } ?? [])
        let older = all.filter { found in version.map { found.version < $0 } ?? true }
            .sorted { $0.version > $1.version }
        var changes: [JSONValue] = []
        for (version, change) in older.prefix(countMax) {
            guard let change else {
                changes.append(await unrecorded(name.key, version).json)
                continue
            }
            var fields = await describe(change)
            if case .whole(let before, let after) = change.record.values {
                let lines = LineDifference.lines(from: before ?? [], to: after ?? [])
                fields["difference"] = .array(lines.map { .string($0) })
            }
            changes.append(.object(fields))
        }
        return HistoryPage(
            changes: changes, next: older.count > countMax ? older[countMax - 1].version.text : nil)
    }

    private func current(_ key: Key) throws -> Version? {
        try store.read { snapshot throws(StoreError) in try snapshot.get(key, includingDead: true)?.version }
    }

    /// A version that another member has written, of which this one has no record.
    private func unrecorded(_ key: Key, _ version: Version) async -> Row {
        Row(
            time: version.clock.time,
            json: [
                "time": .string(version.clock.time.text), "kind": "value", "key": .string(key.description),
                "version": .string(version.text), "serverId": .text(await writer(version.origin)?.text),
                "effect": "unknown", "fate": ["kind": "current"],
            ])
    }

    private func describe(_ change: GlobalHistory.Change) async -> [String: JSONValue] {
        let record = change.record
        var fields: [String: JSONValue] = [
            "time": .string(record.time.text), "kind": "value", "key": .string(record.key.description),
            "version": .string(record.after.text), "serverId": .string(record.serverID.text),
            "user": .string(record.author.user), "source": .string(record.author.source),
            "effect": .string(record.effect.rawValue), "fate": await describe(change.fate),
        ]
        if let before = record.before { fields["before"] = .string(before.text) }
        if case .tooLong(_, _, let difference) = record.values {
            fields["difference"] = .array(difference.split(separator: "\n").map { .string(String($0)) })
        }
        return fields
    }

    private func describe(_ fate: GlobalHistory.Fate) async -> JSONValue {
        switch fate {
        case .current: return ["kind": "current"]
        case .changed: return ["kind": "changed"]
        case .overwritten(let winner):
            return [
                "kind": "overwritten", "version": .string(winner.after.text), "serverId": .string(winner.serverID.text),
                "user": .string(winner.author.user), "time": .string(winner.time.text),
            ]
        case .replaced(nil): return ["kind": "replaced"]
        case .replaced(let version?):
            return [
                "kind": "replaced", "version": .string(version.text), "time": .string(version.clock.time.text),
                "serverId": .text(await writer(version.origin)?.text),
            ]
        }
    }
}

/// Some of the changes of one kind, the newest first.
package struct HistoryPage: Sendable {
    /// As they are told.
    package let changes: [JSONValue]
    /// What the next page begins before; nil where there is none.
    package let next: String?
}
