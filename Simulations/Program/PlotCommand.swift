// Two pictures of a run: how its maps came apart and together again, and who was linked to whom.
import ArgumentParser
import Foundation
import Scenarios

struct PlotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot",
        abstract: "Runs one seed and draws how equal the maps were over time, and the cluster with its partition.")

    @Argument(help: "The SVG file to write.")
    var file: String

    @Option(help: "The seed that everything is drawn from.")
    var seed: UInt64 = 1

    @OptionGroup var options: PlanOptions

    func run() throws {
        let plan = options.plan(seed: seed)
        var samples: [RunSample] = []
        let report = try Run(plan).run { samples.append($0.sample) }
        try RunChart(plan: plan, report: report, samples: samples).svg
            .write(toFile: file, atomically: true, encoding: .utf8)
        print("fastx-simulate \(plan.arguments)")
        print("drawn to \(file)")
        print(try report.line)
        if !report.isSound { throw ExitCode(1) }
    }
}

/// Draws the samples of a run.
struct RunChart {
    let plan: Plan
    let report: RunReport
    let samples: [RunSample]

    private static let (width, height, margin) = (760.0, 780.0, 60.0)
    private static let chartHeight = 300.0

    var svg: String {
        var picture = SVG(width: Self.width, height: Self.height)
        picture.text(
            Self.width / 2, 24,
            "Seed \(plan.seed), \(plan.memberCount) members (\(report.topology.rawValue)): "
                + plan.faults.map(\.rawValue).joined(separator: ", "), anchor: "middle", size: 13)
        drawConvergence(&picture)
        drawTopology(&picture)
        return picture.document
    }

    private func drawConvergence(_ picture: inout SVG) {
        let end = max(samples.last?.seconds ?? 1, 1)
        func x(_ seconds: Double) -> Double { Self.margin + (Self.width - 2 * Self.margin) * seconds / end }
        func y(_ part: Double) -> Double { Self.margin + Self.chartHeight * (1 - part) }
        for sample in samples where sample.isDisturbed {
            picture.rectangle(x(sample.seconds - 0.5), y(1), x(0.5) - x(0), Self.chartHeight, "#f6dada")
        }
        for step in 0...4 {
            let part = Double(step) / 4
            picture.line(Self.margin, y(part), Self.width - Self.margin, y(part), "#ddd")
            picture.text(Self.margin - 6, y(part) + 4, "\(Int(part * 100)) %", anchor: "end")
        }
        for second in stride(from: 0, through: Int(end), by: max(10, Int(end) / 10 / 10 * 10)) {
            picture.text(x(Double(second)), y(0) + 18, "\(second) s", anchor: "middle")
        }
        let faultsEnd = x(Double(plan.durationSeconds))
        picture.line(faultsEnd, y(1), faultsEnd, y(0), "#888")
        picture.text(faultsEnd + 4, y(1) + 12, "last fault")
        picture.path(samples.map { (x($0.seconds), y($0.upToDate)) }, "#27c")
        picture.text(
            Self.margin, y(0) + 40, "Entries that are at a member in their newest version, of all there should be.")
        picture.text(Self.margin, y(0) + 56, "Red: a way is blocked, or a process is down or stopped.")
    }

    /// The sample in which the most ways were blocked.
    private func drawTopology(_ picture: inout SVG) {
        guard let worst = samples.max(by: { $0.blocked.count < $1.blocked.count }) else { return }
        let (centerX, centerY, radius) = (Self.width / 2, Self.height - 165, 110.0)
        func place(_ number: Int) -> (x: Double, y: Double) {
            let angle = 2 * Double.pi * Double(number) / Double(plan.memberCount) - Double.pi / 2
            return (centerX + radius * cos(angle), centerY + radius * sin(angle))
        }
        for (source, target) in worst.blocked {
            let (from, to) = (place(source), place(target))
            picture.line(from.x, from.y, to.x, to.y, "#e88", width: 1)
        }
        for (first, second) in worst.links {
            let (from, to) = (place(first), place(second))
            picture.line(from.x, from.y, to.x, to.y, "#27c", width: 2)
        }
        for number in 0..<plan.memberCount {
            let spot = place(number)
            picture.circle(spot.x, spot.y, 9, worst.down.contains(number) ? "#bbb" : "#27c")
            let (dx, dy) = (spot.x - centerX, spot.y - centerY)
            picture.text(centerX + dx * 1.2, centerY + dy * 1.2 + 4, "m\(number)", anchor: "middle")
        }
        picture.text(
            Self.margin, centerY - radius - 45,
            "At \(Int(worst.seconds)) s. Blue: open links. Red: blocked ways. Grey: down or stopped.")
    }
}
