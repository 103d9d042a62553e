// Which session a request names, and whether its user may have it.
import Accounts
import Displays
import Gateway
import HTTPTypes
import Hummingbird
import Replica

extension SessionBook {
    /// The session that a request names. Managers may see and end those of others, and do no more with them.
    func session(
        named context: APIContext, managersToo: Bool = false, _ serverID: ServerID
    ) async throws -> (KnownSession, Identity) {
        let identity = try context.requireIdentity(serverID)
        let id = try context.parameters.require("id")
        guard let session = self[id],
            session.user == identity.user || (managersToo && identity.role >= .manager)
        else { throw missing(id, identity, serverID) }
        return (session, identity)
    }

    /// What is said of a session that is not there. One whose steward is not connected may well go on.
    private func missing(_ id: String, _ identity: Identity, _ serverID: ServerID) -> Problem {
        guard isAway(id, of: identity.uid) else {
            return Problem(
                .notFound, reason: "no-such-session",
                detail: "there is no such session on this member, or it was removed", serverID: serverID)
        }
        var problem = Problem(
            .conflict, reason: "not-connected",
            detail: "the steward of this session is not connected at the moment; the session goes on, try again",
            serverID: serverID)
        problem.headers[.retryAfter] = "1"
        return problem
    }
}
