// Prints what each carrier reached, and the measured one's figures as ratios to those of its peers.

/// One figure of one load.
struct Figure {
    let name: String
    let value: Double
    let unit: String
    /// Whether a ratio to another carrier's says something.
    var isCompared = true
}

struct CarrierReport {
    let benchmark: String
    let printer: ResultPrinter

    /// - Parameter results: Of each carrier, the measured one first. All have the same figures.
    func print(_ load: String, _ results: [(carrier: String, figures: [Figure])]) {
        guard let measured = results.first else { return }
        for (position, figure) in measured.figures.enumerated() {
            let name = "\(benchmark).\(load)" + (figure.name.isEmpty ? "" : ".\(figure.name)")
            printer.print(name, figure.value, figure.unit)
            for (carrier, figures) in results.dropFirst() where figures.indices.contains(position) {
                let other = figures[position]
                guard other.value > 0 else { continue }
                printer.print("\(name).\(carrier)", other.value, other.unit)
                guard figure.isCompared else { continue }
                printer.print("\(name).to.\(carrier)", figure.value / other.value, "times that of \(carrier)")
            }
        }
    }
}
