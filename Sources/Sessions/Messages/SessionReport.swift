// What a steward tells of one session.

/// What becomes of a session.
package enum SessionState: String, Codable, Sendable, CaseIterable {
    /// Its display is being started.
    case starting
    /// Its display is ready, and its command was started.
    case running
    /// Its command has ended, or it was terminated.
    case ended
    /// Its display did not start, or ended before the command.
    case failed

    /// Whether there are processes of the session.
    package var isLiving: Bool { self == .starting || self == .running }
}

/// One session as it is now. Times are milliseconds since 1970.
package struct SessionReport: Codable, Hashable, Sendable {
    /// 32 hexadecimal digits.
    package var id: String
    /// What the user calls the session, or the beginning of its command.
    package var name: String
    /// As it was asked for; cut in a report that had to be shortened.
    package var command: String
    /// The size that was asked for; viewers may have changed the display's since.
    package var geometry: Geometry
    /// As they were asked for; empty in a report that had to be shortened.
    package var params: [String: String]
    /// What has become of it so far.
    package var state: SessionState
    /// Why it failed.
    package var reason: String?
    /// The command's, as a shell tells it: 128 and the signal's number when a signal ended it.
    package var exitStatus: Int32?
    /// When it was asked for.
    package var started: UInt64
    /// When it ended or failed; `nil` as long as it lives.
    package var ended: UInt64?
    /// When the number of viewers last rose; `nil` where nobody ever came.
    package var lastConnect: UInt64?
    /// When the number of viewers last fell, or their steward ended; `nil` where that never happened.
    package var lastDisconnect: UInt64?
    /// How many viewers are connected.
    package var clients: Int
    /// Such as ":2"; `nil` until it is ready.
    package var display: String?
    /// Memory that belongs to the session's processes alone; 0 when it has none.
    package var memoryBytes: UInt64
    /// Use of processors over the last seconds; 100 is one processor.
    package var cpuPercent: Double
    /// Whether nobody has been connected for longer than the agent allows.
    package var forgotten: Bool
    /// Under which id the member that chose the host keeps how it did; `nil` where none has chosen.
    package var placement: String?
}

extension SessionReport {
    /// Characters of the reason for a failure.
    static let reasonCountMax = 2_000

    /// The same without what may be long, for a report that is larger than a packet because a file on disk was changed.
    var shortened: SessionReport {
        var short = self
        short.params = [:]
        short.command = String(command.prefix(500))
        short.name = String(name.prefix(50))
        short.reason = reason.map { String($0.prefix(500)) }
        return short
    }
}
