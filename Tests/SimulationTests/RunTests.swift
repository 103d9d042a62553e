// Runs of the simulator: that they repeat, that their faults happen, that former failures stay mended.
import Foundation
import Scenarios
import Testing

@Suite("Simulated runs")
struct RunTests {
    @Test("The same plan gives the same trace, and another seed another one")
    func repeats() throws {
        let traces = try (0..<5).map { _ in try Run(Plan(seed: 11)).run().traceHash }
        #expect(Set(traces).count == 1)
        #expect(try Run(Plan(seed: 12)).run().traceHash != traces[0])
    }

    @Test("Every scenario keeps the rules, and its faults really happen", arguments: Scenario.allCases)
    func scenarios(scenario: Scenario) async throws {
        var happened: Set<String> = []
        for seed in 1...3 as ClosedRange<UInt64> {
            let plan = Plan(seed: seed, scenario: scenario)
            let report = try await onOwnThread { try Run(plan).run() }
            #expect(report.isSound, "fastx-simulate \(plan.arguments): \(report.violations)")
            happened.formUnion(report.faults.keys)
        }
        let planned = Set(Plan(seed: 1, scenario: scenario).faults.map(\.rawValue))
        if scenario != .swarm { #expect(planned.subtracting(happened).isEmpty) }
    }

    @Test("What failed once fails no more")
    func seeds() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Simulations/seeds.txt")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        let plans = lines.filter { $0.hasPrefix("run ") }.compactMap { Plan(arguments: String($0)) }
        #expect(plans.count == lines.count { $0.hasPrefix("run ") } && !plans.isEmpty)
        for plan in plans {
            let report = try Run(plan).run()
            #expect(report.isSound, "fastx-simulate \(plan.arguments): \(report.violations)")
        }
    }

    @Test("Many random runs keep the rules")
    func swarm() throws {
        for seed in 1_000_000..<1_000_060 as Range<UInt64> {
            let plan = Plan(seed: seed)
            let report = try Run(plan).run()
            #expect(report.isSound, "fastx-simulate \(plan.arguments): \(report.violations)")
            #expect(report.writes >= 500)
        }
    }
}

@Suite("Minimiser and coverage")
struct SweepPartsTests {
    @Test("A failing plan is made smaller while it still fails")
    func minimises() {
        let plan = Plan(seed: 1, memberCount: 16, durationSeconds: 120, faults: [.loss, .clone, .pause, .tear])
        let small = Minimiser { $0.faults.contains(.pause) && $0.memberCount >= 3 && $0.durationSeconds >= 10 }
            .minimise(plan)
        #expect(small.faults == [.pause] && small.memberCount == 3)
        #expect((10...14).contains(small.durationSeconds))
    }

    @Test("The arguments of a plan give the plan back")
    func arguments() {
        for plan in [Plan(seed: 3), Plan(seed: 4, scenario: .quiet), Plan(seed: 5, faults: [.loss, .clone])] {
            #expect(Plan(arguments: plan.arguments) == plan)
        }
        #expect(Plan(arguments: "run --seed x") == nil && Plan(arguments: "run --seed 1 --faults nonsense") == nil)
    }

    @Test("Coverage counts a pair once for each run in which both happened")
    func coverage() throws {
        var coverage = Coverage()
        coverage.add(try Run(Plan(seed: 7, faults: [.loss, .restart])).run())
        #expect(coverage.runCount(.loss, .restart) == 1 && coverage.runCount(.restart, .loss) == 1)
        #expect(coverage.runCount(.loss, .clone) == 0)
        #expect(coverage.missing.contains { $0 == (.delay, .delay) })
    }
}
