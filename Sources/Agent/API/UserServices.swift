// What the routes for users share.
import Directory
import Gateway
import Glibc
import HTTPTypes
import JSON
import Logging
import OperatingSystem
import Replica
import Sessions
import Store

/// The parts that serve users.
struct UserServices: Sendable {
    let member: RunningMember
    let book: LoginBook
    let sessions: SessionBook
    let stewards: StewardServer
    let logins: LoginService
    let events: UserEvents
    let streams = UserStreams()
    let tickets = DisplayTickets()
    let authentication: Authentication
    let keys: UserKeys
    let registry: Registry
    let proxy: MemberProxy
    /// The links of other members to this one, where it is external.
    let exchange: RelayExchange
    /// The links of this member to external ones.
    let externalLinks: ExternalLinks
    /// Where requests come in over connections to external members.
    let relayDoor: RelayDoor
    let hostname: String
    let pages: InstalledPages

    var serverID: ServerID { member.serverID }

    private static let returnTime: Duration = .seconds(2)

    /// Starts the steward of a user anew who is logged in and has lost it, where that needs no password.
    func relaunchSteward(of uid: uid_t) async {
        let configuration = member.configuration.settings.logins
        let isNeedless = configuration.ways.contains(.sudo) || (configuration.ways.contains(.own) && uid == geteuid())
        guard isNeedless, await !book.logins(of: uid).isEmpty else { return }
        // One that is being started for another reason, or comes back by itself, is given its time.
        if await stewards.waitForSteward(uid, within: Self.returnTime) { return }
        do {
            guard let user = try UnixUser.withID(uid) else { return }
            try await logins.launchSteward(for: user, configuration)
        } catch {
            member.logger.warning("the steward of user \(uid) ended, and did not start again: \(error)")
        }
    }

    /// What is said of a session whose steward is not connected: it may well go on.
    var sessionIsAway: Problem {
        var problem = problem(
            .conflict, "not-connected",
            "the steward of this session is not connected at the moment; the session goes on, try again")
        problem.headers[.retryAfter] = "1"
        return problem
    }

    /// Refuses a server id that a user gave and that is no member's.
    func requireKnown(_ server: ServerID) throws(Problem) {
        guard registry.address(of: server) == nil else { return }
        throw problem(
            .unprocessableContent, "unknown-server",
            "\(server) is no member that has told of itself in the last 90 s; see /api/v1/servers")
    }

    /// The other member that a name belongs to which begins with its server id, as those of attempts to log in do.
    func otherServer(inName name: String) -> ServerID? {
        guard let dash = name.lastIndex(of: "-"), let server = ServerID(name[..<dash]) else { return nil }
        return server == serverID || registry.address(of: server) == nil ? nil : server
    }

    /// The other members that a login or a session may go to which nobody has named a member for, in the order in which to
    /// ask them.
    func servers(for purpose: Purpose) -> [ServerID] {
        LeastLoaded.order(
            registry.servers().map(\.update), for: purpose, linked: exchange.linkedMembers,
            isDoubtful: { member.reachability.isDoubtful($0) }
        ).filter { $0 != serverID }
    }

    /// The right of a user to one more stream; it lasts as long as the place is held.
    func openStream(_ identity: Identity) async throws(Problem) -> UserStreams.Place {
        let countMax = member.configuration.web.limits.streamsPerUser
        if let place = streams.open(identity.user, countMax: countMax) { return place }
        throw problem(
            .tooManyRequests, "too-many-streams",
            "\(countMax) event streams and displays of yours are open, as many as there may be; close some of your tabs"
        )
    }

    func problem(_ status: HTTPStatus, _ reason: String, _ detail: String) -> Problem {
        Problem(status, reason: reason, detail: detail, serverID: serverID)
    }
}
