// Which values of metrics a server update takes, and what it says of the others.
import JSON
import Scripts
import Testing

@Suite("Values of metrics")
struct MetricValueTests {
    private let now = ContinuousClock.now

    private func plan(_ names: [String], interval: Duration = .seconds(30)) -> MetricPlan {
        var plan = MetricPlan(limits: ScriptLimits(node: "/n", time: .seconds(1), memoryMiB: 64), interval: interval)
        plan.sources = names.map { ScriptSource(name: $0, text: [1]) }
        plan.way = .unit(socket: "/s")
        return plan
    }

    private func source(_ name: String, text: UInt8 = 1) -> ScriptSource { ScriptSource(name: name, text: [text]) }

    @Test("A metric that fails keeps its last value for three intervals; then it says since when there is none")
    func age() {
        var values = MetricValues()
        let plan = plan(["a"])
        let hasChanged = [
            values.take(.value(7, byteCount: 1), of: source("a"), at: now, shown: "12:00"),
            values.take(.value(7, byteCount: 1), of: source("a"), at: now, shown: "12:00"),
            values.take(.failed("no\ndriver"), of: source("a"), at: now + .seconds(30)),
        ]
        #expect(hasChanged == [true, false, true])
        var report = values.report(plan, at: now + .seconds(90))
        #expect(report.values == ["a": 7] && report.errors["a"]?.contains("driver") == true)
        #expect(report.errors["a"]?.contains("\n") == false)
        report = values.report(plan, at: now + .seconds(91))
        #expect(report.values.isEmpty && report.errors["a"]?.hasPrefix("no value since 12:00: no") == true)
        _ = values.take(.value(8, byteCount: 1), of: source("a"), at: now + .seconds(92), shown: "12:01")
        #expect(
            values.report(plan, at: now + .seconds(183)).errors == [
                "a": "no value since 12:01: its turn has not come again"
            ])
    }

    @Test("The value of another function of the same name does not outlive its failure")
    func otherText() {
        var values = MetricValues()
        _ = values.take(.value(7, byteCount: 1), of: source("a"), at: now)
        _ = values.take(.failed("broken"), of: source("a", text: 2), at: now)
        #expect(values.report(plan(["a"]), at: now).values.isEmpty)
    }

    @Test("Together they have a limit: the largest are left out, and say so")
    func sum() {
        var values = MetricValues()
        let names = (0..<6).map { "m\($0)" }
        for (index, name) in names.enumerated() {
            _ = values.take(.value(1, byteCount: 53_000 + index * 1_000), of: source(name), at: now)
        }
        let report = values.report(plan(names), at: now)
        #expect(report.values.keys.sorted() == ["m0", "m1", "m2", "m3"])
        #expect(report.errors.keys.sorted() == ["m4", "m5"])
        #expect(report.errors["m5"]?.contains("262144 bytes") == true && report.errors["m5"]?.contains("58002") == true)
    }

    @Test("An error has at most 500 characters, and all together 64 KiB")
    func errors() {
        var values = MetricValues()
        let names = (100..<300).map { "m\($0)" }
        for name in names { _ = values.take(.failed(String(repeating: "x", count: 4_000)), of: source(name), at: now) }
        let errors = values.report(plan(names), at: now).errors
        #expect(errors["m100"]?.count == 500)
        #expect(errors.count == (64 << 10) / 504 && errors["m299"] == nil)
    }

    @Test("What cannot be run says why; where nothing runs nothing is said")
    func unusable() {
        var plan = plan(["a"])
        plan.unusable = ["b": "not UTF-8"]
        var values = MetricValues()
        _ = values.take(.value(1, byteCount: 1), of: source("a"), at: now)
        #expect(values.report(plan, at: now).errors == ["b": "not UTF-8"])
        plan.way = nil
        #expect(values.report(plan, at: now) == MetricReport())
        values.keep([])
        plan.way = .unit(socket: "/s")
        #expect(values.report(plan, at: now).values.isEmpty)
    }
}
