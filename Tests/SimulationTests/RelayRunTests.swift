// Runs of the relay: that they repeat, that their faults happen, and that the rules hold.
import Foundation
import SimulatedRelay
import Testing

@Suite("Simulated relay")
struct RelayRunTests {
    @Test("The same plan gives the same trace, and another seed another one")
    func repeats() {
        let traces = (0..<3).map { _ in RelayRun(RelayPlan(seed: 11, durationSeconds: 40)).run().traceHash }
        #expect(Set(traces).count == 1)
        #expect(RelayRun(RelayPlan(seed: 12, durationSeconds: 40)).run().traceHash != traces[0])
    }

    @Test("Each kind of fault really happens and breaks no rule", arguments: RelayFault.allCases)
    func faults(kind: RelayFault) {
        let plan = RelayPlan(seed: 5, memberCount: 4, durationSeconds: 90, faults: [kind])
        let report = RelayRun(plan).run()
        #expect(report.isSound, "fastx-simulate \(plan.arguments): \(report.violations)")
        #expect(report.faults[kind.rawValue] ?? 0 > 0 && report.answered > 100)
    }

    @Test("Without faults every request is answered and every display whole")
    func undisturbed() {
        let plan = RelayPlan(seed: 3, memberCount: 9, durationSeconds: 60, faults: [])
        let report = RelayRun(plan).run()
        #expect(report.isSound && report.answered == report.requests && report.displaysWhole == report.displays)
        #expect(report.dialledBack > 0 && report.carried > 0)
    }

    @Test("Random faults break no rule")
    func swarm() {
        for seed in 1_000_000..<1_000_015 as Range<UInt64> {
            let plan = RelayPlan(seed: seed)
            let report = RelayRun(plan).run()
            #expect(report.isSound, "fastx-simulate \(plan.arguments): \(report.violations)")
        }
    }

    @Test("What failed once fails no more")
    func seeds() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Simulations/seeds.txt")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        let plans = lines.filter { $0.hasPrefix("relay ") }.compactMap { RelayPlan(arguments: String($0)) }
        #expect(plans.count == lines.count { $0.hasPrefix("relay ") } && !plans.isEmpty)
        for plan in plans {
            #expect(RelayPlan(arguments: plan.arguments) == plan)
            let report = RelayRun(plan).run()
            #expect(report.isSound, "fastx-simulate \(plan.arguments): \(report.violations)")
        }
    }

    @Test("A thousand members that lose their links at once come back spread out, and all of them")
    func thousand() {
        let plan = RelayPlan(seed: 1, memberCount: 1_000, durationSeconds: 30, faults: [.cutAll, .restart])
        let report = RelayRun(plan).run()
        #expect(report.isSound, "fastx-simulate \(plan.arguments): \(report.violations)")
        #expect(report.attemptsInSecond > 200)
    }
}
