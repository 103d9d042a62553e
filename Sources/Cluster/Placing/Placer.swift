// Chooses the server of a login or a session: by the chain of scripts, or by the default rule where there is none.
package import Directory
import Gateway
package import JSON
package import MemberConfiguration
package import Placement
package import Replica
package import Scripts

extension PlacementConfiguration {
    /// The chain for a purpose; empty: the default rule.
    subscript(purpose: Purpose) -> [String] { purpose == .login ? login : start }
}

/// Places logins and sessions, and keeps how it went.
package struct Placer: Sendable {
    /// How often a chain runs for one request: once more, twice at most, where the server it chose cannot be reached.
    package static let runCountMax = 3

    let serverID: ServerID
    let registry: Registry
    let reachability: Reachability
    /// On an external member those that hold a link to it.
    let linked: @Sendable () -> Set<ServerID>
    /// What is configured for the cluster now.
    package let configuration: @Sendable () -> GlobalConfiguration
    package let predefined: PredefinedScripts
    package let pool: ScriptPool
    /// What is kept of placements.
    package let log: PlacementLog
    /// The sessions of a user at this member, as other members are told of them.
    let ownSessions: @Sendable (_ user: String) async -> [JSONValue]

    package init(
        serverID: ServerID, registry: Registry, reachability: Reachability,
        linked: @escaping @Sendable () -> Set<ServerID>,
        configuration: @escaping @Sendable () -> GlobalConfiguration,
        predefined: PredefinedScripts, pool: ScriptPool,
        ownSessions: @escaping @Sendable (_ user: String) async -> [JSONValue]
    ) {
        self.serverID = serverID
        self.registry = registry
        self.reachability = reachability
        self.linked = linked
        self.configuration = configuration
        self.predefined = predefined
        self.pool = pool
        self.ownSessions = ownSessions
        log = PlacementLog(serverID: serverID)
    }

    /// Whether scripts choose the server.
    package func hasChain(for purpose: Purpose) -> Bool { !configuration().placement[purpose].isEmpty }

    /// The shipped script that lets users choose.
    private static let userSelection = "User Selection"

    /// Whether the chain has the script that lets the user choose the server.
    package func asksUser(for purpose: Purpose) -> Bool {
        configuration().placement[purpose].contains(Self.userSelection)
    }

    /// What the user may choose among, ordered by server id.
    package func choices(for purpose: Purpose) -> [ServerUpdate] {
        candidates(for: purpose, among: registry.servers(), isReached: true).servers
    }

    /// The members that take a login or start a session, as far as can be told from here.
    ///
    /// - Parameter isReached: Whether those that cannot be reached are left out. The default rule asks them last.
    func candidates(for purpose: Purpose, among servers: [Registry.Server], isReached: Bool) -> Candidates {
        let reasons = isReached ? reachability.unreachable.mapValues(\.reason) : [:]
        return Candidates(servers.map(\.update), for: purpose, local: serverID, linked: linked()) { reasons[$0] }
    }

    /// The candidates in the order of the default rule, without this member.
    package func leastLoaded(for purpose: Purpose) -> [ServerID] {
        let candidates = candidates(for: purpose, among: registry.servers(), isReached: false)
        return LeastLoaded.order(candidates, for: purpose) { reachability.isDoubtful($0) }.filter { $0 != serverID }
    }

    // MARK: The chain

    /// Runs the chain once.
    ///
    /// - Parameters:
    ///   - servers: All that are known, ordered by server id.
    ///   - candidates: Those of them that are chosen among.
    func run(
        _ chain: [String], _ request: PlacementRequest, _ servers: [Registry.Server], _ candidates: Candidates
    ) async -> ChainRun {
        let input = Array(request.input(sessions: await sessions(of: request.user)).canonicalText.utf8)
        let question = ChainQuestion(
            servers: servers.map { KeptServer(id: $0.update.serverID, number: $0.number, text: $0.text) },
            candidates: candidates.servers.map(\.serverID), local: serverID, input: input)
        return await pool.run(
            chain, sources(of: chain), question, candidates, isStranger: request.purpose == .login)
    }

    private func sources(of chain: [String]) -> [String: ScriptSource] {
        let own = configuration().scripts
        var sources: [String: ScriptSource] = [:]
        for name in chain {
            sources[name] =
                predefined.scripts[name] ?? own[name].map { ScriptSource(name: name, text: Array($0.utf8)) }
        }
        return sources
    }

    private func sessions(of user: String) async -> [JSONValue] {
        await ownSessions(user) + registry.sessions(of: user).map(\.document)
    }
}

extension ChainRun {
    /// What it has come to; it must have come to its end.
    var result: Result<ServerID, PlacementFailure> {
        switch step {
        case .chose(let server): .success(server)
        case .failed(let failure): .failure(failure)
        case .ask(let script): .failure(.unknownScript(script))
        }
    }
}
