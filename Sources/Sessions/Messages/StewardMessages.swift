// The messages between an agent and a steward: closed sets, one JSON document in each packet.
package import OperatingSystem
package import Replica

/// The version that both ends tell. A change that the other end would not survive raises it.
package enum StewardProtocol {
    /// What this program speaks, as agent and as steward.
    package static let version = 1
    /// Stewards outlive the agent's updates: the oldest one that this agent serves.
    package static let oldestVersion = 1
}

/// What a steward says first.
package struct StewardHello: Codable, Hashable, Sendable {
    /// The `StewardProtocol.version` of its program; an agent refuses those that it does not know.
    package var version: Int
    /// The steward's own word, which the agent does not use: the kernel tells it which process that is.
    package var pid: Int32
    /// Name and version of its program.
    package var software: String
    /// How many `session` messages follow at once.
    package var sessions: Int

    /// What a steward says of itself.
    package init(version: Int, pid: Int32, software: String, sessions: Int) {
        self.version = version
        self.pid = pid
        self.software = software
        self.sessions = sessions
    }
}

/// What the agent wants of every steward of its host.
package struct StewardSettings: Codable, Hashable, Sendable {
    /// Living sessions of a user.
    package var sessionCountMax: Int
    /// After how many seconds without a viewer a session counts as forgotten.
    package var forgottenSeconds: Int

    /// Ten sessions, and two weeks, unless the configuration says otherwise.
    package init(sessionCountMax: Int = 10, forgottenSeconds: Int = 14 * 86_400) {
        self.sessionCountMax = sessionCountMax
        self.forgottenSeconds = forgottenSeconds
    }

    /// Sessions that a steward may report: those that may live, and those that have ended.
    var reportedCountMax: Int { sessionCountMax + 2 * Steward.endedCountMax }
}

/// From a steward to the agent.
package enum StewardMessage: Codable, Sendable {
    /// The first message of every connection, and only that.
    case hello(StewardHello)
    /// New or changed.
    case session(SessionReport)
    /// What was left of a session is purged; its id means nothing any more.
    case removed(id: String)
    /// The answer to the request of this number, which the agent chose; a descriptor comes in the same packet.
    case reply(number: UInt64, StewardAnswer)
}

/// How a request ended, as it travels; a descriptor comes beside it.
package enum StewardAnswer: Codable, Sendable {
    /// It is done, or begun where the end is reported.
    case done
    /// The session as it is now.
    case session(SessionReport)
    /// What was asked for is the packet's descriptor.
    case descriptor
    /// It was not done, for this reason.
    case failed(StewardError)
}

/// From the agent to a steward.
package enum AgentMessage: Codable, Sendable {
    /// The answer to `hello`.
    case welcome(serverID: ServerID, settings: StewardSettings, loginCount: Int)
    /// The connection ends, and this is why.
    case refused(StewardError)
    /// How many logins the user has on this agent's pages.
    case logins(count: Int)
    /// Something to do. The number comes back with the answer; answers come in any order.
    case request(number: UInt64, StewardRequest)
}

/// What an agent asks of a steward.
package enum StewardRequest: Codable, Hashable, Sendable {
    /// Answered by `session` as soon as the session exists; whether its display starts is reported.
    case start(SessionStart)
    /// Answered at once; the session's end is reported.
    case terminate(id: String)
    /// Removes what is left of a session that has ended.
    case purge(id: String)
    /// Gives a session another name, by the rules of `SessionStart`; it also works once the session has ended.
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

/// What a steward answered.
package enum StewardReply: Sendable {
    /// It is done, or begun where the end is reported.
    case done
    /// The session as it is now.
    case session(SessionReport)
    /// A connection to a display or a sealed file, whichever was asked for; it is checked that it is one.
    case descriptor(OwnedDescriptor)
}
