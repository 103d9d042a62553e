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
    private let isTrial: Bool
    private var trace: PlacementTrace
    private var triedCount = 0

    var traceID: String { trace.id }
    var hasChain: Bool { !chain.isEmpty }
    /// Whether the chain may run once more.
    var mayGoOn: Bool { triedCount < Placer.runCountMax }

    init(_ placer: Placer, _ request: PlacementRequest, isOpen: Bool) {
        self.init(placer, request, isOpen: isOpen, isTrial: false, among: nil)
    }

    /// A trial: nothing of it is kept.
    ///
    /// - Parameter recorded: Servers instead of those of the cluster; those are all reached.
    init(_ placer: Placer, _ request: PlacementRequest, among recorded: [Registry.Server]?) {
        // As if this member sent everything on: what a gateway would choose.
        self.init(placer, request, isOpen: false, isTrial: true, among: recorded)
    }

    private init(
        _ placer: Placer, _ request: PlacementRequest, isOpen: Bool, isTrial: Bool, among recorded: [Registry.Server]?
    ) {
        self.placer = placer
        self.request = request
        self.isOpen = isOpen
        self.isTrial = isTrial
        chain = placer.configuration().placement[request.purpose]
        servers = recorded ?? placer.registry.servers()
        candidates =
            if recorded != nil {
                Candidates(servers.map(\.update), for: request.purpose, local: placer.serverID)
            } else {
                placer.candidates(for: request.purpose, among: servers, isReached: !chain.isEmpty)
            }
        trace = PlacementTrace(
            id: placer.log.newID(), time: WallClock.now(), purpose: request.purpose, user: request.user, chain: chain)
    }

    /// Makes one choice, and tells how it came about.
    mutating func trial() async -> JSONValue {
        if hasChain { note(await runChain()) } else { _ = order() }
        return trace.document
    }

    /// The next server to ask.
    mutating func next() async throws(PlacementFailure) -> ServerID {
        triedCount += 1
        let run = await runChain()
        note(run)
        return try run.result.get()
    }

    /// The servers to ask by the default rule, one after the other; none where nobody takes what is placed.
    mutating func order() -> [ServerID] {
        let order = defaultOrder()
        let failure = PlacementFailure.noCandidates(request.purpose)
        note(PlacementTrace.Run(candidates, result: order.first.map { .success($0) } ?? .failure(failure)))
        return order
    }

    private mutating func note(_ run: PlacementTrace.Run) {
        trace.runs.append(run)
        if !isTrial { placer.log.keep(trace) }
    }

    /// Of those that were asked one after the other this one has taken the request.
    mutating func taken(by server: ServerID) { amend(.success(server)) }

    /// Nobody was reached, the one that was chosen least of all.
    mutating func endUnreached(_ server: ServerID) {
        amend(.failure(.unreachable(server, name: candidates.name(of: server))))
    }

    /// What became of the latest choice.
    private mutating func amend(_ result: Result<ServerID, PlacementFailure>) {
        guard !trace.runs.isEmpty else { return }
        trace.runs[trace.runs.count - 1].result = result
        placer.log.keep(trace)
    }

    /// The server cannot be reached, and has taken nothing.
    mutating func leaveOut(_ server: ServerID, because reason: String) {
        candidates = candidates.without(server, because: reason)
    }

    private func runChain() async -> PlacementTrace.Run {
        let run = await placer.run(chain, request, servers, candidates)
        return PlacementTrace.Run(run, run.result)
    }

    private func defaultOrder() -> [ServerID] {
        if let named = request.named { return [named] }
        if isOpen { return [placer.serverID] }
        let order = LeastLoaded.order(candidates, for: request.purpose) { placer.reachability.isDoubtful($0) }
        return order.filter { $0 != placer.serverID }
    }
}
