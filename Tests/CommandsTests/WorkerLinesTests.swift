// What `status` says of the processes that run scripts and metrics, and what it does not say.
import Commands
import JSON
import Testing

@Suite("Lines about scripts and metrics")
struct WorkerLinesTests {
    private static func scripts(_ changes: [String: JSONValue] = [:]) -> JSONValue {
        let usual: [String: JSONValue] = [
            "chains": ["start"], "count": 1, "nodePath": "/opt/node", "node": "v20.1.0", "workers": [12], "starting": 0,
            "runsAs": "fastx, the agent's own user", "missingWalls": [], "problem": .null,
        ]
        return .object(usual.merging(changes) { $1 })
    }

    private static func metrics(_ changes: [String: JSONValue] = [:]) -> JSONValue {
        let usual: [String: JSONValue] = [
            "mode": "cluster", "count": 2, "known": 2, "nodePath": "/opt/node", "node": "v20.1.0", "worker": 12,
            "runsAs": "the user of the unit fastx-metrics.socket", "missingWalls": [], "problem": .null, "errors": [:],
        ]
        return .object(usual.merging(changes) { $1 })
    }

    @Test("Where none are configured nothing is said")
    func none() {
        let unknown: [String: JSONValue] = [
            "chains": [], "count": 0, "workers": [], "node": .null, "missingWalls": .null, "worker": .null, "known": 0,
        ]
        #expect(WorkerLines.scripts(Self.scripts(unknown)).isEmpty)
        #expect(WorkerLines.metrics(Self.metrics(unknown)).isEmpty)
        #expect(WorkerLines.metrics(Self.metrics(unknown.merging(["mode": "off"]) { $1 })).isEmpty)
        #expect(WorkerLines.scripts([:]).isEmpty && WorkerLines.metrics([:]).isEmpty)
    }

    @Test("Node, processes and their user are on one line")
    func usual() {
        #expect(
            WorkerLines.scripts(Self.scripts())
                == [
                    "scripts      chains: start; /opt/node v20.1.0, 1 worker (process 12), started as fastx, the agent's own user"
                ])
        let both = WorkerLines.scripts(
            Self.scripts(["chains": ["login", "start"], "workers": [12, 13], "starting": 1, "waiting": 3]))
        #expect(both[0].contains("chains: login, start; "))
        #expect(both[0].contains(" 2 workers (processes 12, 13), 1 being started, 3 wait for one, "))
        #expect(
            WorkerLines.metrics(Self.metrics())
                == [
                    "metrics      cluster: 2; /opt/node v20.1.0, process 12, started as the user of the unit fastx-metrics.socket"
                ])
    }

    @Test("What no start has told yet is not known yet, and no wall is said to be there or missing")
    func unknown() {
        let lines = WorkerLines.scripts(
            Self.scripts(["node": .null, "missingWalls": .null, "workers": [], "starting": 1]))
        #expect(lines.count == 1)
        #expect(lines[0].contains("/opt/node (version not known yet), no worker, 1 being started"))
        let metrics = WorkerLines.metrics(Self.metrics(["node": .null, "missingWalls": .null, "worker": .null]))
        #expect(metrics.count == 1 && metrics[0].contains("/opt/node (version not known yet), no process"))
    }

    @Test("Each wall that is missing has a line, and so has what was wrong with the last start")
    func wrong() {
        let wrong: [String: JSONValue] = [
            "missingWalls": ["one is gone", "two is gone"], "problem": "it did not begin",
        ]
        let scripts = WorkerLines.scripts(Self.scripts(wrong))
        #expect(
            scripts.dropFirst() == [
                "scripts      WALL MISSING: one is gone", "scripts      WALL MISSING: two is gone",
                "scripts      PROBLEM: it did not begin",
            ])
        let metrics = WorkerLines.metrics(Self.metrics(wrong.merging(["errors": ["gpu": "no driver"]]) { $1 }))
        #expect(
            metrics.dropFirst() == [
                "metrics      WALL MISSING: one is gone", "metrics      WALL MISSING: two is gone",
                "metrics      PROBLEM: it did not begin", "metrics      ERROR: gpu: no driver",
            ])
        let refused = WorkerLines.scripts(Self.scripts(["node": .null, "problem": "/opt/node is not there"]))
        #expect(refused[0].contains("/opt/node (version not known), "))
    }

    @Test("Metrics that are switched off say so where there are any")
    func off() {
        #expect(
            WorkerLines.metrics(Self.metrics(["mode": "off", "count": 0, "known": 3]))
                == ["metrics      off, as \"metrics\" in config/settings.json says: 3 do not run here"])
        let noUnit = Self.metrics(["mode": "off: no unit", "worker": .null, "runsAs": .null, "problem": "no unit"])
        #expect(WorkerLines.metrics(noUnit).last == "metrics      PROBLEM: no unit")
    }
}
