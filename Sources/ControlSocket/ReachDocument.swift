// What `reach` says: the way from this member to others, and from these to it, tried now.
package import Cluster
package import Directory
import Gateway
import Hummingbird
import JSON
import OperatingSystem
package import Replica

/// Tries ways in both directions.
package struct ReachDocument: Sendable {
    let serverID: ServerID
    let registry: Registry
    let relay: RelayDocument
    let reachability: Reachability
    let probe: MemberProbe
    /// Whether this member is external just now.
    let isExternal: @Sendable () -> Bool

    /// How many members are tried at once.
    private static let atOnceMax = 8

    package init(
        serverID: ServerID, registry: Registry, relay: RelayDocument, reachability: Reachability, probe: MemberProbe,
        isExternal: @escaping @Sendable () -> Bool
    ) {
        self.serverID = serverID
        self.registry = registry
        self.relay = relay
        self.reachability = reachability
        self.probe = probe
        self.isExternal = isExternal
    }

    // MARK: What is known

    /// What is known of the way to a member without trying it; null of this one, and where nothing is.
    func known(of member: ServerID) -> JSONValue {
        if let found = reachability.unreachability(of: member) {
            return ["state": "unreachable", "reason": .string(found.reason), "since": .string(found.since.text)]
        }
        guard let ago = reachability.reachedAgo(member) else { return .null }
        return ["state": "reached", "secondsAgo": .integer(ago.components.seconds)]
    }

    /// Who says that it cannot reach a member.
    func complaints(about member: ServerID) -> JSONValue {
        .array(
            ReachComplaints.about(member, registry).map { complaint in
                [
                    "serverId": .string(complaint.serverID.text),
                    "name": .string(registry.title(of: complaint.serverID)),
                    "reason": .string(complaint.reason),
                ]
            })
    }

    /// Whom this member cannot reach.
    var unreachable: JSONValue {
        .array(
            reachability.unreachable.sorted { $0.key < $1.key }.map { member, found in
                [
                    "serverId": .string(member.text), "name": .string(registry.title(of: member)),
                    "url": .text(registry.urls(of: member).first), "reason": .string(found.reason),
                    "since": .string(found.since.text),
                ]
            })
    }

    // MARK: What is tried

    /// The reports of all other members, or of the one that is named by its server id or its host's name.
    func make(_ request: Request, _ context: ControlContext) async throws -> Response {
        let name = request.uri.queryParameters.get("member")
        let members = try name.map { [try member(named: String($0))] } ?? others
        var reports: [(ServerID, JSONValue)] = []
        await withTaskGroup(of: (ServerID, JSONValue).self) { group in
            for (index, update) in members.enumerated() {
                if index >= Self.atOnceMax, let report = await group.next() { reports.append(report) }
                group.addTask { (update.serverID, await self.report(on: update)) }
            }
            for await report in group { reports.append(report) }
        }
        return Response.json(.array(reports.sorted { $0.0 < $1.0 }.map(\.1)))
    }

    private var others: [ServerUpdate] { registry.servers().map(\.update).filter { $0.serverID != serverID } }

    private func member(named name: String) throws(Problem) -> ServerUpdate {
        if let update = others.first(where: { $0.serverID.text == name }) { return update }
        let found = others.filter { $0.hostname?.lowercased() == name.lowercased() }
        if let only = found.first, found.count == 1 { return only }
        let ids = found.map(\.serverID).sorted().map(\.text).joined(separator: ", ")
        throw Problem(
            .notFound, reason: "unknown-server",
            detail: found.isEmpty
                ? "no other member is called \(name), by its server id or its host's name; see \"fastx-agent members\""
                : "several members' hosts are called \(name): name one by its server id (\(ids))",
            serverID: serverID)
    }

    private func report(on update: ServerUpdate) async -> JSONValue {
        let member = update.serverID
        var fields: [String: JSONValue] = [
            "serverId": .string(member.text), "name": .string(registry.title(of: member)),
            "url": .text(update.urls.first), "stopped": .bool(update.isStopped),
        ]
        guard !update.isStopped else { return .object(fields) }
        let steps = await steps(to: update)
        let isReached = steps.last?.isGood ?? false
        fields["there"] = Self.direction(steps)
        if isExternal() || update.isExternal {
            fields["backNote"] = .string(
                "not tried: an external member opens no connections, and is sent none for this")
        } else {
            // What failed is told in the words of a probe, which are the same each time.
            if isReached { reachability.succeeded(member) } else { reachability.suspected(member) }
            let (steps, note) = await back(from: update, isReached: isReached)
            if !steps.isEmpty { fields["back"] = Self.direction(steps) }
            if let note { fields["backNote"] = .string(note) }
        }
        return .object(fields)
    }

    private static func direction(_ steps: [ReachStep]) -> JSONValue {
        ["ok": .bool(steps.last?.isGood ?? false), "steps": .array(steps.map(\.json))]
    }

    private func steps(to update: ServerUpdate) async -> [ReachStep] {
        guard update.isExternal, !isExternal() else { return await probe.steps(to: update.serverID) }
        let link = await relay.links().first { $0.text("serverId") == update.serverID.text }
        let state = link?.text("state") ?? "none"
        let error = link?.text("lastError").map { ": \($0)" } ?? ""
        let result: Result<String, any Error> =
            state == "open"
            ? .success("the link to this external member is open")
            : .failure(ReachFailure(description: "the link to this external member is not open (\(state))\(error)"))
        return [ReachStep(.relay, result, .zero)]
    }

    /// The steps that the member takes now, or what it has said before.
    private func back(from update: ServerUpdate, isReached: Bool) async -> ([ReachStep], note: String?) {
        var whyNot = "it cannot be asked"
        if isReached {
            do throws(ReachFailure) {
                return (try await probe.stepsBack(from: update.serverID), nil)
            } catch {
                whyNot = "it could not be asked: \(error)"
            }
        }
        guard let reason = update.unreachable[serverID] else {
            return ([], "\(whyNot), and its last server update says nothing of it")
        }
        let said = ReachFailure(description: "its last server update says: \(reason)")
        return ([ReachStep(.answer, .failure(said), .zero)], "\(whyNot)")
    }
}
