// The routes about placements: how servers were chosen, and what would be chosen.
import Accounts
import Cluster
import Gateway
import Hummingbird
import JSON
import MemberConfiguration
import Placement

/// What this member keeps of its placements, and trials.
struct PlacementRoutes: RouteGroup {
    let member: ThisMember
    let placer: Placer

    var handlers: [Route: Handler] { [.placements: list, .placement: get, .tryPlacement: tryOut] }

    /// Traces that are told at once.
    private static let listedCountMax = 100

    private func requireAdmin(_ context: APIContext) throws {
        guard try context.requireIdentity(member.serverID).role >= .admin else {
            throw member.problem(.forbidden, "admins-only", "only administrators may see how all servers were chosen")
        }
    }

    /// The newest first.
    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        try requireAdmin(context)
        return .json(["placements": .array(placer.log.latest(Self.listedCountMax))])
    }

    private func get(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(member.serverID)
        guard let kept = placer.log[try context.parameters.require("id")], identity.mayManage(kept.user) else {
            throw member.problem(
                .notFound, "no-such-placement",
                "\(member.hostname) keeps no such placement: its latest \(PlacementLog.traceCountMax) are kept, until "
                    + "its agent ends")
        }
        // What scripts print is the administrator's business.
        return .json(identity.role >= .admin ? kept.document : PlacementTrace.shown(kept.document))
    }

    private func tryOut(_ request: Request, _ context: APIContext) async throws -> Response {
        try requireAdmin(context)
        let trial = try await RequestBody.read(request, member.serverID) { PlacementTrial(&$0) }
        let configuration = member.configuration.settings.logins
        return .json(try await trial.run(by: placer) { try PlacedUser(named: $0, configuration) })
    }
}
