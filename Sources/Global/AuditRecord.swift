// One change of the cluster's configuration: who made it, when, from where, and what it replaced.
package import JSON
import OperatingSystem
package import Replica
import Trust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Who asks for a change.
package struct ChangeAuthor: Sendable, Equatable {
    /// The name of an account, such as `root`.
    package let user: String
    /// By what: `fastx-agent config set`.
    package let source: String

    /// Both as they are shown.
    package init(user: String, source: String) {
        self.user = user
        self.source = source
    }
}

/// A record of one change of one value that all members share. It is never changed.
package struct AuditRecord: Sendable, Equatable {
    /// Names it among all records of a member, in the order of their writing.
    package let id: String
    /// When it was written, by the clock of the member.
    package let time: WallTime
    /// The member at which the change was made.
    package let serverID: ServerID
    /// Who made it, and by what.
    package let author: ChangeAuthor
    /// Of the value: `config/scripts/Needs GPU`.
    package let key: Key
    /// Of the entry that the change replaced, also where this one said that the value was deleted; nil where there was
    /// none.
    package let before: Version?
    /// Of the entry that was written.
    package let after: Version
    /// What the value was, and what it became.
    package let values: AuditedValues

    package init(
        id: String, time: WallTime, serverID: ServerID, author: ChangeAuthor, key: Key, before: Version?,
        after: Version,
        values: AuditedValues
    ) {
        self.id = id
        self.time = time
        self.serverID = serverID
        self.author = author
        self.key = key
        self.before = before
        self.after = after
        self.values = values
    }

    /// What the change did to the value.
    package var effect: GlobalChange.Effect {
        let (before, after) =
            switch values {
            case .whole(let before, let after): (before, after)
            case .tooLong(let before, let after, _): (before, after)
            }
        if after == nil { return .removed }
        return before == nil ? .added : .changed
    }
}

extension AuditRecord {
    /// The same with hashes and a difference in place of the values, for one that is too long.
    func withoutValues(differenceByteCountMax: Int) -> AuditRecord {
        AuditRecord(
            id: id, time: time, serverID: serverID, author: author, key: key, before: before, after: after,
            values: values.hashed(differenceByteCountMax: differenceByteCountMax))
    }
}

/// The value before a change and after it, as far as a record has room for them.
package enum AuditedValues: Sendable, Equatable {
    /// Both; nil where there was none, or is none any more.
    case whole(before: [UInt8]?, after: [UInt8]?)
    /// Their SHA-256, and the lines in which they differ, cut to fit.
    case tooLong(before: [UInt8]?, after: [UInt8]?, difference: String)

    /// Bytes of both values together that a record holds; beyond that, of the difference in their place.
    package static let byteCountMax = 64 << 10

    package init(before: [UInt8]?, after: [UInt8]?) {
        if (before?.count ?? 0) + (after?.count ?? 0) <= Self.byteCountMax {
            self = .whole(before: before, after: after)
            return
        }
        self = AuditedValues.whole(before: before, after: after).hashed(differenceByteCountMax: Self.byteCountMax)
    }

    /// Hashes in place of the values, and the difference cut to fit.
    func hashed(differenceByteCountMax: Int) -> AuditedValues {
        switch self {
        case .whole(let before, let after):
            .tooLong(
                before: before.map { Sodium.sha256($0) }, after: after.map { Sodium.sha256($0) },
                difference: LineDifference.text(
                    from: before ?? [], to: after ?? [], byteCountMax: differenceByteCountMax))
        case .tooLong(let before, let after, let difference):
            .tooLong(
                before: before, after: after,
                difference: String(decoding: difference.utf8.prefix(differenceByteCountMax), as: UTF8.self))
        }
    }
}

// MARK: As JSON

extension AuditRecord {
    /// The record as it is kept.
    package func toJSON() -> JSONValue {
        var members: [String: JSONValue] = [
            "id": .string(id), "time": .integer(Int64(clamping: time.milliseconds)),
            "serverId": .string(serverID.text), "user": .string(author.user), "source": .string(author.source),
            "key": .string(key.description), "after": .string(after.text),
        ]
        if let before { members["before"] = .string(before.text) }
        switch values {
        case .whole(let before, let after):
            members["valueBefore"] = Self.json(before)
            members["valueAfter"] = Self.json(after)
        case .tooLong(let before, let after, let difference):
            members["sha256Before"] = before.map { .string(HexText.encode($0)) }
            members["sha256After"] = after.map { .string(HexText.encode($0)) }
            members["difference"] = .string(difference)
        }
        return .object(members)
    }

    /// Reads a record that was kept; nil where it is none.
    package init?(_ json: JSONValue) {
        guard let id = json.text("id"), let milliseconds = json.integer("time"), milliseconds >= 0,
            let serverID = json.text("serverId").flatMap({ ServerID($0) }), let user = json.text("user"),
            let source = json.text("source"), let key = try? json.text("key").map({ try Key($0) }),
            let after = json.text("after").flatMap({ Version(text: $0) })
        else { return nil }
        let values: AuditedValues
        if let difference = json.text("difference") {
            values = .tooLong(
                before: json.text("sha256Before").flatMap { HexText.decode($0) },
                after: json.text("sha256After").flatMap { HexText.decode($0) }, difference: difference)
        } else {
            values = .whole(before: Self.bytes(json["valueBefore"]), after: Self.bytes(json["valueAfter"]))
        }
        self.init(
            id: id, time: WallTime(milliseconds: UInt64(milliseconds)), serverID: serverID,
            author: ChangeAuthor(user: user, source: source), key: key,
            before: json.text("before").flatMap { Version(text: $0) }, after: after, values: values)
    }

    /// Text as it is; what is no text, and came from another member so, in an object as base64.
    private static func json(_ bytes: [UInt8]?) -> JSONValue? {
        guard let bytes else { return nil }
        if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
        return ["base64": .string(Data(bytes).base64EncodedString())]
    }

    private static func bytes(_ json: JSONValue?) -> [UInt8]? {
        if case .string(let text)? = json { return Array(text.utf8) }
        return json?.text("base64").flatMap { Data(base64Encoded: $0) }.map { Array($0) }
    }
}
