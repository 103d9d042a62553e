// A session as JSON: in answers, in events, and in the lease that every member sees.
import Glibc
import JSON
import Replica
import Sessions

/// A session of this member and whose it is.
struct KnownSession: Sendable, Equatable {
    let uid: uid_t
    let user: String
    var report: SessionReport

    var id: String { report.id }
}

extension KnownSession {
    /// What users and other members are shown of it.
    func document(serverID: ServerID, hostname: String) -> JSONValue {
        let report = report
        return [
            "id": .string(report.id), "serverId": .string(serverID.text), "hostname": .string(hostname),
            "name": .string(report.name), "command": .string(report.command), "user": .string(user),
            "geometry": .string(report.geometry.description), "state": .string(report.state.rawValue),
            "reason": .text(report.reason), "exitStatus": report.exitStatus.map { .integer(Int64($0)) } ?? .null,
            "started": .time(report.started), "ended": .time(report.ended), "lastConnect": .time(report.lastConnect),
            "lastDisconnect": .time(report.lastDisconnect), "clients": .integer(Int64(report.clients)),
            "display": .text(report.display), "memoryBytes": .integer(Int64(clamping: report.memoryBytes)),
            "cpuPercent": .number((report.cpuPercent * 10).rounded() / 10), "forgotten": .bool(report.forgotten),
        ]
    }

    /// Whether the difference matters at once; use of memory and processor may wait for the next regular update.
    func differsVisibly(from other: KnownSession) -> Bool {
        var (left, right) = (report, other.report)
        (left.memoryBytes, left.cpuPercent) = (0, 0)
        (right.memoryBytes, right.cpuPercent) = (0, 0)
        return left != right
    }
}

extension JSONValue {
    /// RFC 3339, from milliseconds since 1970.
    static func time(_ milliseconds: UInt64?) -> JSONValue {
        milliseconds.map { .string(WallTime(milliseconds: $0).text) } ?? .null
    }
}
