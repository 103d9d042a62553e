// Tests of the metrics of one host: files beside those of the configuration.
import Foundation
import JSON
import MemberConfiguration
import OperatingSystem
import Testing

@Suite("Metrics of one host")
struct LocalMetricsTests {
    /// The metrics that a configuration with these files has, and its warnings.
    private func load(_ files: [String: String]) throws -> (LocalMetrics, [String]) {
        let directory = TemporaryDirectory()
        let path = directory.configuration.metricsPath
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        for (name, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)")) }
        try directory.configuration.write(Configuration())
        let (configuration, warnings) = try directory.configuration.load()
        return (configuration.localMetrics, warnings.map(\.description).filter { $0.hasPrefix("config/metrics") })
    }

    @Test("Each file is a metric; what is no file of one is left alone")
    func texts() throws {
        let (metrics, warnings) = try load([
            "GPU load.js": "() => 1", "a%25.js": "() => 2", ".draft.js": "x", "README": "x",
        ])
        #expect(metrics.texts == ["GPU load": "() => 1", "a%": "() => 2"])
        #expect(metrics.problems.isEmpty && warnings.isEmpty)
    }

    @Test("A file that cannot be used is named, and stops nobody")
    func problems() throws {
        let (metrics, warnings) = try load([
            "empty.js": " ", "long.js": String(repeating: "x", count: 65_537), "%.js": "x",
        ])
        #expect(metrics.texts.isEmpty && Set(metrics.problems.keys) == ["empty", "long"])
        #expect(metrics.problems["empty"]?.hasPrefix("config/metrics/empty.js: an empty text is not allowed") == true)
        #expect(warnings.count == 3)
        #expect(warnings.contains { $0.contains(#""%.js" is left alone"#) })
    }

    @Test("Changes are named by file")
    func changes() {
        var (old, new) = (Configuration(), Configuration())
        old.localMetrics.texts = ["a": "1", "b": "1"]
        new.localMetrics.texts = ["b": "2", "c": "1"]
        #expect(
            ConfigurationChange(from: old, to: new).lines == [
                "metrics/a.js: removed", "metrics/b.js: changed", "metrics/c.js: added",
            ])
        #expect(ConfigurationChange(from: new, to: new).isEmpty)
    }
}
