// The time until an update is everywhere, over the number of members.
import Foundation
import Scenarios

struct ScaleChart {
    private let reports: [ScaleReport]

    init(_ reports: [ScaleReport]) { self.reports = reports }

    private static let (width, height, margin) = (640.0, 400.0, 60.0)

    var svg: String {
        var picture = SVG(width: Self.width, height: Self.height)
        let most = max(reports.map(\.everywhereMax).max() ?? 0, 0.001) * 1.1
        let decades = log10(Double(max(reports.map(\.members).max() ?? 10, 10)))
        func x(_ members: Int) -> Double {
            Self.margin + (Self.width - 2 * Self.margin) * log10(Double(members)) / max(decades, 1)
        }
        func y(_ seconds: Double) -> Double {
            Self.height - Self.margin - (Self.height - 2 * Self.margin) * seconds / most
        }
        for step in 0...4 {
            let seconds = most * Double(step) / 4
            picture.line(Self.margin, y(seconds), Self.width - Self.margin, y(seconds), "#ddd")
            picture.text(Self.margin - 6, y(seconds) + 4, String(format: "%.2f s", seconds), anchor: "end")
        }
        for report in reports {
            picture.text(x(report.members), Self.height - Self.margin + 18, "\(report.members)", anchor: "middle")
        }
        let curves: [(String, String, (ScaleReport) -> Double)] = [
            ("max", "#d33", \.everywhereMax), ("p99", "#e90", \.everywhereP99), ("p50", "#27c", \.everywhereP50),
        ]
        for (position, (name, color, value)) in curves.enumerated() {
            picture.path(reports.map { (x($0.members), y(value($0))) }, color)
            for report in reports { picture.circle(x(report.members), y(value(report)), 3, color) }
            picture.text(Self.margin + 10, Self.margin + 16 * Double(position), name)
            picture.line(
                Self.margin + 45, Self.margin + 16 * Double(position) - 4, Self.margin + 75,
                Self.margin + 16 * Double(position) - 4, color, width: 2)
        }
        picture.text(Self.width / 2, Self.height - 14, "members", anchor: "middle")
        picture.text(
            Self.width / 2, 24, "From its publication until an update is at every member", anchor: "middle", size: 14)
        return picture.document
    }
}
