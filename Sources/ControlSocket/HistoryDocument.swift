// What `config history` says: changes of the cluster's configuration and of this member's files.
import Directory
import Global
import JSON
import MemberConfiguration
import Replica
import Store

/// The history of configuration, the oldest change first.
struct HistoryDocument: Sendable {
    let store: Store
    let trail: any AuditTrail
    let history: LocalHistory
    let journal: Journal

    /// - Parameter name: Of a value or of a file; nil: all of them.
    func make(name: String?) async throws -> JSONValue {
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
        try history.records().compactMap { record in
            let lines = record.lines.filter { line in file.map { line.hasPrefix("\($0): ") } ?? true }
            guard !lines.isEmpty else { return nil }
            var fields: [String: JSONValue] = [
                "time": .string(record.time.text), "kind": "file", "lines": .array(lines.map { .string($0) }),
            ]
            if let source = record.source { fields["source"] = .string(source) }
            if let user = record.user { fields["user"] = .string(user) }
            if let address = record.address { fields["address"] = .string(address) }
            return Row(time: record.time, json: .object(fields))
        }
    }

    // MARK: Values of the cluster

    private func global(_ records: [AuditRecord]) async throws -> [Row] {
        var rows: [Row] = []
        for (key, records) in Dictionary(grouping: records, by: \.key).sorted(by: { $0.key < $1.key }) {
            let history = GlobalHistory(records, current: try current(key))
            for change in history.changes { rows.append(await describe(change)) }
            if let version = history.unrecorded { rows.append(await unrecorded(key, version)) }
        }
        return rows
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
                "version": .string(version.text), "serverId": .text(await journal.member(of: version.origin)?.text),
                "effect": "unknown", "fate": ["kind": "current"],
            ])
    }

    private func describe(_ change: GlobalHistory.Change) async -> Row {
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
        return Row(time: record.time, json: .object(fields))
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
                "serverId": .text(await journal.member(of: version.origin)?.text),
            ]
        }
    }
}
