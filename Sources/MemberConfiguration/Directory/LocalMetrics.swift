// The metrics of this host alone: files beside those of the configuration.
import JSON
import OperatingSystem

/// What the directory `metrics` of the configuration holds.
package struct LocalMetrics: Sendable, Equatable {
    /// The directory's name in that of the configuration.
    package static let directoryName = "metrics"

    /// The texts of the metrics by their names.
    package var texts: [String: String] = [:]
    /// Metrics whose file cannot be used, and why, in one line each.
    package var problems: [String: String] = [:]

    /// None.
    package init() {}
}

extension ConfigurationDirectory {
    /// Where the metrics of this host are.
    package var metricsPath: String { "\(path)/\(LocalMetrics.directoryName)" }

    /// Reads the metrics of this host. A file that cannot be used stops nobody: a metric decides nothing by itself.
    func localMetrics() -> (LocalMetrics, [JSONWarning]) {
        var metrics = LocalMetrics()
        var warnings: [JSONWarning] = []
        let log = MistakeLog("config/\(LocalMetrics.directoryName)")
        let files: [String]
        do {
            files = try PrivateDirectory.names(in: metricsPath)
        } catch {
            if !error.isNoSuchFile { log.warn("cannot \(error.operation) it: \(error.reason)", at: .root) }
            return (metrics, log.warnings)
        }
        for file in files where !file.hasPrefix(".") {
            guard let name = TextFileName.name(of: file) else {
                if file.hasSuffix(".js") {
                    log.warn(
                        "\(ShownText.quoted(file)) is left alone: no metric can have this name; "
                            + "allowed: \(GlobalName.allowedNames)", at: .root)
                }
                continue
            }
            do {
                metrics.texts[name] = try localMetric(file)
            } catch {
                metrics.problems[name] = error.lines.joined(separator: "; ")
                for error in error.all {
                    let log = MistakeLog(error.file)
                    log.warn("\(error.problem)", at: error.place)
                    warnings += log.warnings
                }
            }
        }
        return (metrics, log.warnings + warnings)
    }

    private func localMetric(_ file: String) throws(ConfigurationErrors) -> String {
        let shown = "config/\(LocalMetrics.directoryName)/\(file)"
        guard let bytes = try readBytes("\(metricsPath)/\(file)", shownAs: shown) else {
            throw ConfigurationErrors(
                ConfigurationError(file: shown, problem: .system(operation: "open it", reason: "it has just gone")))
        }
        return try GlobalValue.text(bytes, named: shown)
    }
}
