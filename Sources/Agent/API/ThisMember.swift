// What the routes are told of the member that they are of.
import Gateway
import HTTPTypes
import MemberConfiguration
import Replica

typealias HTTPStatus = HTTPResponse.Status

/// The member that is asked.
struct ThisMember: Sendable {
    let serverID: ServerID
    let hostname: String
    let configurations: ConfigurationStore
    /// The URLs under which it announces itself.
    let urls: @Sendable () async -> [String]

    /// As it is now.
    var configuration: Configuration { configurations.current }

    func problem(_ status: HTTPStatus, _ reason: String, _ detail: String) -> Problem {
        Problem(status, reason: reason, detail: detail, serverID: serverID)
    }
}
