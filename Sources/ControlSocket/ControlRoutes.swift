// What the client commands can ask of the agent.
import Gateway
import Hummingbird
import JSON

/// The routes of the control socket.
package struct ControlRoutes: Sendable {
    let status: StatusDocument
    let members: MemberList
    let entries: EntryRoutes
    let configuration: ConfigurationRoute
    let global: GlobalRoutes
    let placements: PlacementControl
    let reach: ReachDocument
    /// A code that logs the agent's own user in, and the URLs at which it does.
    let loginCode: @Sendable () async throws -> (code: String, urls: [String])

    package init(
        status: StatusDocument, members: MemberList, entries: EntryRoutes, configuration: ConfigurationRoute,
        global: GlobalRoutes, placements: PlacementControl, reach: ReachDocument,
        loginCode: @escaping @Sendable () async throws -> (code: String, urls: [String])
    ) {
        self.status = status
        self.members = members
        self.entries = entries
        self.configuration = configuration
        self.global = global
        self.placements = placements
        self.reach = reach
        self.loginCode = loginCode
    }

    func router() -> Router<ControlContext> {
        let router = Router(context: ControlContext.self)
        router.get("/v1/status") { _, _ in Response.json(await status.make()) }
        router.get("/v1/members") { _, _ in Response.json(await members.make()) }
        router.get("/v1/reach", use: reach.make)
        router.post("/v1/login-code") { _, _ in
            let (code, urls) = try await loginCode()
            return Response.json(["code": .string(code), "urls": .array(urls.map { .string($0) })])
        }
        router.put("/v1/configuration", use: configuration.change)
        entries.add(to: router)
        global.add(to: router)
        placements.add(to: router)
        return router
    }
}
