// A session as JSON: in answers, in events, and in the lease that every member sees.
package import Directory
package import Glibc
import JSON
package import Replica
package import Sessions

/// A session of this member and whose it is.
package struct KnownSession: Sendable, Equatable {
    /// The user that it runs as.
    package let uid: uid_t
    /// His account's name, or the number as text where the account has none.
    package let user: String
    /// What his steward has told last.
    package var report: SessionReport

    package init(uid: uid_t, user: String, report: SessionReport) {
        self.uid = uid
        self.user = user
        self.report = report
    }

    /// The last part of the lease's key.
    package var id: String { report.id }
}

extension KnownSession {
    /// What users and other members are shown of it.
    package func lease(of serverID: ServerID, hostname: String) -> SessionLease {
        SessionLease(id: id, of: serverID, hostname: hostname, user: user, state: report.document)
    }

    /// Whether the difference matters at once; use of memory and processor may wait for the next regular update.
    func differsVisibly(from other: KnownSession) -> Bool {
        var (left, right) = (report, other.report)
        (left.memoryBytes, left.cpuPercent) = (0, 0)
        (right.memoryBytes, right.cpuPercent) = (0, 0)
        return left != right
    }
}

extension SessionReport {
    fileprivate var document: [String: JSONValue] {
        [
            "name": .string(name), "command": .string(command), "geometry": .string(geometry.description),
            "state": .string(state.rawValue), "reason": .text(reason),
            "exitStatus": exitStatus.map { .integer(Int64($0)) } ?? .null, "started": .time(started),
            "ended": .time(ended), "lastConnect": .time(lastConnect), "lastDisconnect": .time(lastDisconnect),
            "clients": .integer(Int64(clients)), "display": .text(display),
            "memoryBytes": .integer(Int64(clamping: memoryBytes)),
            "cpuPercent": .number((cpuPercent * 10).rounded() / 10), "forgotten": .bool(forgotten),
            "placement": .text(placement),
        ]
    }
}

extension JSONValue {
    /// RFC 3339, from milliseconds since 1970.
    static func time(_ milliseconds: UInt64?) -> JSONValue {
        milliseconds.map { .string(WallTime(milliseconds: $0).text) } ?? .null
    }
}
