// What a sweep has come to so far.
import Foundation
import Scenarios

/// Counts, failures and coverage of many runs.
struct SweepTally: Sendable {
    enum Outcome: Sendable {
        case finished(RunReport)
        case crashed(Plan, status: Int32)
    }

    let total: UInt64
    private(set) var failures: [Plan] = []
    private(set) var coverage = Coverage()
    private var runCount: UInt64 = 0
    private var writeCount = 0
    private var messageCount = 0
    private var simulatedSeconds = 0.0
    private var realSeconds = 0.0
    private var fewestWrites = Int.max
    private var memberCounts: [Int] = []
    private var convergedAfter: [Double] = []
    private let began = Date()
    private var lastShown = Date.distantPast

    init(total: UInt64) { self.total = total }

    mutating func add(_ outcomes: [Outcome]) {
        for outcome in outcomes {
            runCount += 1
            switch outcome {
            case .finished(let report): add(report)
            case .crashed(let plan, let status):
                failures.append(plan)
                print(text: "CRASH with status \(status): fastx-simulate \(plan.arguments)")
            }
        }
        if Date().timeIntervalSince(lastShown) >= Self.progressInterval || runCount == total { showProgress() }
    }

    private mutating func add(_ report: RunReport) {
        coverage.add(report)
        writeCount += report.writes
        fewestWrites = min(fewestWrites, report.writes)
        messageCount += report.messages
        simulatedSeconds += report.simulatedSeconds
        realSeconds += report.realSeconds
        memberCounts.append(report.members)
        if let seconds = report.convergedAfterSeconds { convergedAfter.append(seconds) }
        guard !report.isSound else { return }
        let plan = Plan(
            seed: report.seed, scenario: report.scenario, memberCount: report.members,
            durationSeconds: report.durationSeconds, faults: report.plannedFaults)
        failures.append(plan)
        print(text: "FAILED \(report.violations.first ?? ""): fastx-simulate \(plan.arguments)")
    }

    /// Seconds between two lines of progress.
    private static let progressInterval = 10.0

    private mutating func showProgress() {
        lastShown = Date()
        let seconds = lastShown.timeIntervalSince(began)
        let perSecond = Double(runCount) / max(seconds, 0.001)
        let left = Double(total - min(total, runCount)) / max(perSecond, 0.001)
        print(
            text: "\(runCount) of \(total) runs, \(failures.count) failed, \(Int(perSecond)) a second, "
                + "\(Int(left)) s left")
    }

    func print() {
        let members = memberCounts.sorted()
        let converged = convergedAfter.sorted()
        func quantile<Number>(_ numbers: [Number], _ part: Double) -> String {
            numbers.isEmpty ? "-" : "\(numbers[min(numbers.count - 1, Int(Double(numbers.count) * part))])"
        }
        print(
            text: """
                \(runCount) runs, \(failures.count) failed
                members: \(quantile(members, 0)) to \(quantile(members, 1)), median \(quantile(members, 0.5))
                acknowledged writes: \(writeCount), at least \(fewestWrites == .max ? 0 : fewestWrites) in each run
                messages: \(messageCount)
                equal after the last fault: p50 \(quantile(converged, 0.5)) s, p99 \(quantile(converged, 0.99)) s, \
                max \(quantile(converged, 1)) s
                simulated seconds for each second of one core: \(Int(simulatedSeconds / max(realSeconds, 0.001)))
                """)
        let missing = coverage.missing
        print(text: "pairs of faults that never occurred in one run: \(missing.count)")
        for (first, second) in missing.prefix(20) { print(text: "  \(first.rawValue) and \(second.rawValue)") }
    }

    private func print(text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
}
