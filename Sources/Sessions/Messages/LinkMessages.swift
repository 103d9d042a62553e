// The messages between an agent and a link process: closed sets, one JSON document in each packet.
package import OperatingSystem
package import Replica

/// The version that both ends tell. A change that the other end would not survive raises it.
package enum LinkProtocol {
    package static let version = 1
    /// Link processes outlive the agent's updates: the oldest one that this agent serves.
    package static let oldestVersion = 1
}

/// What a link process says first.
package struct LinkHello: Codable, Hashable, Sendable {
    package var version: Int
    package var pid: Int32
    /// Name and version of its program.
    package var software: String
    /// How many `session` messages follow at once.
    package var sessions: Int

    package init(version: Int, pid: Int32, software: String, sessions: Int) {
        self.version = version
        self.pid = pid
        self.software = software
        self.sessions = sessions
    }
}

/// What the agent wants of every link process of its host.
package struct LinkSettings: Codable, Hashable, Sendable {
    /// Living sessions of a user.
    package var sessionCountMax: Int
    /// After how many seconds without a viewer a session counts as forgotten.
    package var forgottenSeconds: Int

    package init(sessionCountMax: Int = 10, forgottenSeconds: Int = 14 * 86_400) {
        self.sessionCountMax = sessionCountMax
        self.forgottenSeconds = forgottenSeconds
    }

    /// Sessions that a link process may report: those that may live, and those that have ended.
    var reportedCountMax: Int { sessionCountMax + 2 * LinkProcess.endedCountMax }
}

/// From a link process to the agent.
package enum LinkMessage: Codable, Sendable {
    case hello(LinkHello)
    /// New or changed.
    case session(SessionReport)
    case removed(id: String)
    case reply(number: UInt64, LinkAnswer)
}

/// How a request ended, as it travels; a descriptor comes beside it.
package enum LinkAnswer: Codable, Sendable {
    case done
    case session(SessionReport)
    case descriptor
    case failed(LinkError)
}

/// From the agent to a link process.
package enum AgentMessage: Codable, Sendable {
    /// The answer to `hello`.
    case welcome(serverID: ServerID, settings: LinkSettings, loginCount: Int)
    /// The connection ends, and this is why.
    case refused(LinkError)
    /// How many logins the user has on this agent's pages.
    case logins(count: Int)
    case request(number: UInt64, LinkRequest)
}

/// What an agent asks of a link process.
package enum LinkRequest: Codable, Hashable, Sendable {
    /// Answered by `session` as soon as the session exists; whether its display starts is reported.
    case start(SessionStart)
    /// Answered at once; the session's end is reported.
    case terminate(id: String)
    /// Removes what is left of a session that has ended.
    case purge(id: String)
    case rename(id: String, name: String)
    /// Answered by `descriptor`: a connection to the session's RFB server.
    case openDisplay(id: String)
    /// Answered by `descriptor`: a sealed file with a JPEG picture, at most so many pixels wide.
    case screenshot(id: String, maxWidth: Int)
    /// Answered by `descriptor`: a sealed file with the last lines of the session's log.
    case log(id: String)
    /// Tells how many viewers are connected.
    case clients(id: String, count: Int)
    /// Terminates all sessions and leaves.
    case end
}

/// What a link process answered.
package enum LinkReply: Sendable {
    case done
    case session(SessionReport)
    case descriptor(OwnedDescriptor)
}
