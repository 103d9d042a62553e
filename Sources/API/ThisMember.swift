// What the routes are told of the member that they are of.
import Cluster
import Gateway
import HTTPTypes
package import MemberConfiguration
import Placement
package import Replica

typealias HTTPStatus = HTTPResponse.Status

/// The member that is asked.
package struct ThisMember: Sendable {
    /// Its name in the cluster.
    package let serverID: ServerID
    /// What the host calls itself, as it is shown with sessions.
    package let hostname: String
    /// Where its configuration is, and where changes of it are asked for.
    package let configurations: ConfigurationStore
    /// The URLs under which it announces itself.
    package let urls: @Sendable () async -> [String]

    package init(
        serverID: ServerID, hostname: String, configurations: ConfigurationStore,
        urls: @escaping @Sendable () async -> [String]
    ) {
        self.serverID = serverID
        self.hostname = hostname
        self.configurations = configurations
        self.urls = urls
    }

    /// What is said where this member takes nobody new.
    ///
    /// - Parameter isChosen: Whether it was named, or another member has sent the request here. Otherwise others were
    ///   looked for, and there is none.
    func closed(for purpose: Purpose, isChosen: Bool) -> Problem {
        let isDraining = configuration.settings.draining
        let (reason, what) =
            switch purpose {
            case .login: ("logins-disabled", isDraining ? "takes no new logins" : "takes no logins")
            case .session: ("sessions-disabled", isDraining ? "starts no new sessions" : "starts no sessions")
            }
        return problem(
            .forbidden, isDraining ? "draining" : reason,
            "\(hostname) \(isDraining ? "is being emptied and " : "")\(what)"
                + (isChosen ? "; choose another member" : ", and knows no other member that does just now"))
    }

    /// As it is now.
    package var configuration: Configuration { configurations.current }

    /// A refusal that this member gives, with a word for programs and a text for people.
    func problem(_ status: HTTPStatus, _ reason: String, _ detail: String) -> Problem {
        Problem(status, reason: reason, detail: detail, serverID: serverID)
    }
}
