// What `explain` says of one key.
import Control
import Directory
import JSON
import OperatingSystem
import Replica
import Store

/// Why a key has the value that it has.
struct Explanation {
    let journal: Journal

    func document(_ key: Key, _ entry: Entry?, _ changes: [Journal.Change]) async -> JSONValue {
        var fields: [String: JSONValue] = ["key": .string(key.description)]
        if let entry {
            fields.merge(EntryDocument.fields(entry)) { _, new in new }
            fields["expired"] = .bool(entry.isExpired(at: WallClock.now()))
            if let writer = await journal.member(of: entry.version.origin) {
                fields["writtenBy"] = .string(writer.text)
            }
        }
        var history: [JSONValue] = []
        for change in changes { history.append(await describe(change)) }
        fields["changes"] = .array(history)
        return .object(fields)
    }

    private func describe(_ change: Journal.Change) async -> JSONValue {
        var fields: [String: JSONValue] = [
            "at": .string(change.time.text), "version": .string(change.version.clock.time.text),
            "origin": .string(String(change.version.origin.raw, radix: 16)),
        ]
        if let writer = await journal.member(of: change.version.origin) { fields["writtenBy"] = .string(writer.text) }
        if change.kind == .tombstone { fields["deleted"] = true }
        if let replaced = change.replaced { fields["replaced"] = .string(replaced.clock.time.text) }
        switch change.source {
        case .local: fields["source"] = "local"
        case .link: fields["source"] = .string("link to \(change.peer?.text ?? "a member no longer linked")")
        case .expiry: fields["source"] = "expired"
        case .restamp: fields["source"] = "stamped anew after the clock was set right"
        }
        return .object(fields)
    }
}
