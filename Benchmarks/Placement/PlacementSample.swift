// One cluster to decide about, by a pool of workers and by the naive way.
import Directory
import Foundation
import JSON
import OperatingSystem
import Placement
import Replica
import Scripts
import Synchronization

/// A cluster with what decides about it.
final class PlacementSample: Sendable {
    let pool: ScriptPool
    private let cluster: SampleCluster
    private let sources: [String: ScriptSource]
    private let input: [UInt8]
    private let functions: [UInt8]
    private let naive: NaiveNode
    private let kept: Mutex<[KeptServer]>

    init(_ cluster: SampleCluster, _ predefined: PredefinedScripts, program: String, node: String) throws {
        self.cluster = cluster
        sources = predefined.scripts
        let request: JSONValue = [
            "action": "session/start", "user": ["login": "anna", "serverId": "", "sessions": []],
            "userGroups": ["users"], "isManager": false, "isAdmin": false, "data": ["gpu": true],
        ]
        input = Array(request.canonicalText.utf8)
        let texts = PlacementBenchmark.chain.map { name in
            JSONValue.string(String(decoding: predefined.scripts[name]?.text ?? [], as: UTF8.self))
        }
        functions = Array(JSONValue.array(texts).canonicalText.utf8)
        naive = try NaiveNode(node: node)
        kept = Mutex(cluster.kept)
        pool = ScriptPool {
            ScriptLimits(node: node, time: .seconds(10), memoryMiB: 256)
        } start: { (limits) throws(ScriptStartError) in
            try await ScriptProcess.start(
                ScriptPlan(kind: .placement, node: limits.node, memoryMiB: limits.memoryMiB),
                through: .child(program: program))
        }
    }

    /// A server has told of itself anew: the same, to the worker another text.
    func change(_ number: Int) {
        kept.withLock { kept in
            let index = number % kept.count
            kept[index] = KeptServer(id: kept[index].id, number: UInt64(kept.count + number), text: kept[index].text)
        }
    }

    /// The server that the chain comes to, with all that an agent does for it but for reading its map.
    func decide() async throws -> String {
        let candidates = Candidates(cluster.updates, for: .session, local: cluster.updates[0].serverID)
        let question = ChainQuestion(
            servers: kept.withLock { $0 }, candidates: candidates.servers.map(\.serverID),
            local: cluster.updates[0].serverID, input: input)
        let run = await pool.run(PlacementBenchmark.chain, sources, question, candidates)
        switch run.step {
        case .chose(let server): return server.text
        case .failed(let failure): throw BenchmarkError("no server: \(failure.detail)")
        case .ask(let script): throw BenchmarkError("\(script) was not asked")
        }
    }

    func decideNaively() throws -> String {
        let text = try naive.decide(functions: functions, input: input, list: cluster.listText)
        return text.filter { $0 != "\"" }
    }

    func close() async throws {
        await pool.close()
        try naive.stop()
    }

    /// What the worker that was started last holds in memory, in KiB; nil where that cannot be read.
    func workerKilobytes() async -> Int? {
        guard let pid = await pool.status.workerPIDs.last,
            let status = try? HostFile.text(at: "/proc/\(pid)/status"),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") })
        else { return nil }
        return line.split(separator: " ").compactMap { Int($0) }.first
    }
}
