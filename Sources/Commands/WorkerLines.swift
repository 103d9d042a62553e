// What `status` prints of the processes that run scripts and metrics.
package import JSON

/// The lines of `status` that are about scripts and metrics: none where none are configured.
package enum WorkerLines {
    /// Those of scripts that choose servers.
    package static func scripts(_ scripts: JSONValue) -> [String] {
        let chains = scripts.texts("chains")
        guard !chains.isEmpty || (scripts.integer("count") ?? 0) > 0 else { return [] }
        let line =
            "scripts      \(chains.isEmpty ? "no chain" : "chains: \(chains.joined(separator: ", "))"); "
            + "\(node(scripts)), \(processes(scripts)), started as \(scripts.text("runsAs") ?? "?")"
        return [line] + wrong(with: scripts, "scripts      ")
    }

    /// Those of metrics.
    package static func metrics(_ metrics: JSONValue) -> [String] {
        var lines: [String] = []
        let mode = metrics.text("mode") ?? ""
        let (count, known) = (metrics.integer("count") ?? 0, metrics.integer("known") ?? 0)
        if mode == "off" {
            guard known > 0 else { return [] }
            return ["metrics      off, as \"metrics\" in config/settings.json says: \(known) do not run here"]
        }
        if count > 0 {
            let worker = metrics.integer("worker").map { "process \($0)" } ?? "no process"
            let user = metrics.text("runsAs").map { ", started as \($0)" } ?? ""
            lines.append("metrics      \(mode): \(count); \(node(metrics)), \(worker)\(user)")
            lines += wrong(with: metrics, "metrics      ")
        } else if mode == "local" {
            lines.append("metrics      local: 0")
        }
        guard case .object(let errors)? = metrics["errors"] else { return lines }
        lines += errors.keys.sorted().map { "metrics      ERROR: \($0): \(metrics["errors"]?.text($0) ?? "")" }
        return lines
    }

    /// The path of Node, with its version as far as that is known.
    private static func node(_ value: JSONValue) -> String {
        let path = value.text("nodePath") ?? "?"
        if let version = value.text("node") { return "\(path) \(version)" }
        return "\(path) (version not known\(value.text("problem") == nil ? " yet" : ""))"
    }

    private static func processes(_ scripts: JSONValue) -> String {
        var numbers: [String] = []
        if case .array(let workers)? = scripts["workers"] {
            numbers = workers.compactMap { if case .integer(let number) = $0 { "\(number)" } else { nil } }
        }
        let starting = scripts.integer("starting") ?? 0
        let there =
            switch numbers.count {
            case 0: "no worker"
            case 1: "1 worker (process \(numbers[0]))"
            case let count: "\(count) workers (processes \(numbers.joined(separator: ", ")))"
            }
        let waiting = scripts.integer("waiting") ?? 0
        return there + (starting == 0 ? "" : ", \(starting) being started")
            + (waiting == 0 ? "" : ", \(waiting) wait for one")
    }

    private static func wrong(with value: JSONValue, _ label: String) -> [String] {
        var lines = value.texts("missingWalls").map { "\(label)WALL MISSING: \($0)" }
        if let problem = value.text("problem") { lines.append("\(label)PROBLEM: \(problem)") }
        return lines
    }
}
