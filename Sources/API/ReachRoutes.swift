// What other members ask to learn whether they reach this one, and whether it reaches them.
package import Cluster
import Gateway
import Hummingbird
import JSON
import Replica
import Synchronization

/// The routes of probes. Each request carries the tokens of the member that sends it.
package struct ReachRoutes: RouteGroup {
    let member: ThisMember
    let probe: MemberProbe
    private let ways = WaysBack()

    package init(member: ThisMember, probe: MemberProbe) {
        self.member = member
        self.probe = probe
    }

    package var handlers: [Route: Handler] { [.reach: answer, .reachBack: lookBack] }

    private func answer(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try sender(context)
        return .json(["serverId": .string(member.serverID.text)])
    }

    /// Tries the way to the member that asks, and to no other: nobody can have this member knock at somebody else's door.
    private func lookBack(_ request: Request, _ context: APIContext) async throws -> Response {
        let sender = try sender(context)
        guard ways.begin() else {
            throw member.problem(
                .serviceUnavailable, "busy", "\(member.hostname) tries the way to several members just now; try again")
        }
        defer { ways.end() }
        let steps = await probe.steps(to: sender)
        return .json(["serverId": .string(member.serverID.text), "steps": .array(steps.map(\.json))])
    }

    private func sender(_ context: APIContext) throws(Problem) -> ServerID {
        if let sender = context.carrier { return sender }
        throw member.problem(.unauthorized, "no-token", "only members of the cluster get an answer here")
    }
}

/// How many ways are tried for others at this moment.
private final class WaysBack: Sendable {
    private let count = Mutex(0)

    /// Each may take some seconds and a few connections.
    private static let countMax = 16

    /// False where there are too many; otherwise `end` has to be called.
    func begin() -> Bool {
        count.withLock { count in
            guard count < Self.countMax else { return false }
            count += 1
            return true
        }
    }

    func end() { count.withLock { $0 -= 1 } }
}
