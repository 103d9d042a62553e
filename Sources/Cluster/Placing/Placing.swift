// One placement under way: the choices, one after the other, and its trace.
import Directory
import JSON
import MemberConfiguration
import OperatingSystem
import Placement
import Replica

/// What is chosen for one request. After a choice that turned out not to be reached another one is made without it.
struct Placing {
    let placer: Placer
    let request: PlacementRequest
    /// Empty: the default rule.
    private let chain: [String]
    /// As they were when the request came.
    private let servers: [Registry.Server]
    private var candidates: Candidates
    private let isOpen: Bool
    private var trace: PlacementTrace
    private var triedCount = 0

    var traceID: String { trace.id }
    var hasChain: Bool { !chain.isEmpty }
    /// Whether another member may be asked: not in place of one that the user has named without a chain.
    var mayGoOn: Bool { triedCount < Placer.runCountMax && (hasChain || request.named == nil) }

    init(_ placer: Placer, _ request: PlacementRequest, isOpen: Bool) {
        self.placer = placer
        self.request = request
        self.isOpen = isOpen
        chain = placer.configuration().placement[request.purpose]
        servers = placer.registry.servers()
        candidates = placer.candidates(for: request.purpose, among: servers)
        trace = PlacementTrace(
            id: placer.log.newID(), time: WallClock.now(), purpose: request.purpose, user: request.user, chain: chain)
    }

    /// A trial: nothing of it is kept.
    ///
    /// - Parameter recorded: Servers instead of those of the cluster; those are all reached.
    init(_ placer: Placer, _ request: PlacementRequest, among recorded: [Registry.Server]?) {
        self.placer = placer
        self.request = request
        // As if this member sent everything on: what a gateway would choose.
        isOpen = false
        chain = placer.configuration().placement[request.purpose]
        servers = recorded ?? placer.registry.servers()
        candidates =
            if recorded != nil {
                Candidates(servers.map(\.update), for: request.purpose, local: placer.serverID)
            } else {
                placer.candidates(for: request.purpose, among: servers)
            }
        trace = PlacementTrace(
            id: placer.log.newID(), time: WallClock.now(), purpose: request.purpose, user: request.user, chain: chain)
    }

    /// Makes one choice, and tells how it came about.
    mutating func trial() async -> JSONValue {
        trace.runs.append(hasChain ? await runChain() : PlacementTrace.Run(candidates, result: chooseByDefault()))
        return trace.document
    }

    /// The next server to ask; nil where the default rule has none.
    mutating func next() async throws(PlacementFailure) -> ServerID? {
        triedCount += 1
        let run = hasChain ? await runChain() : PlacementTrace.Run(candidates, result: chooseByDefault())
        trace.runs.append(run)
        placer.log.keep(trace)
        if !hasChain, case .failure = run.result { return nil }
        return try run.result.get()
    }

    /// The server cannot be reached, and has taken nothing.
    mutating func leaveOut(_ server: ServerID, because reason: String) {
        candidates = candidates.without(server, because: reason)
    }

    private func runChain() async -> PlacementTrace.Run {
        let run = await placer.run(chain, request, servers, candidates)
        return PlacementTrace.Run(run, run.result)
    }

    private func chooseByDefault() -> Result<ServerID, PlacementFailure> {
        if let named = request.named { return .success(named) }
        if isOpen { return .success(placer.serverID) }
        let order = LeastLoaded.order(candidates, for: request.purpose) { placer.reachability.isDoubtful($0) }
        return order.first { $0 != placer.serverID }.map { .success($0) } ?? .failure(.noCandidates(request.purpose))
    }
}
