// Which faults really happened over many runs, alone and together.

/// Counts of runs in which each kind of fault, and each pair of kinds, occurred.
package struct Coverage: Sendable, Codable {
    /// How often each kind occurred, over all runs.
    package private(set) var occurrences: [String: Int] = [:]
    /// In how many runs two kinds both occurred; a kind with itself: in how many runs it occurred.
    package private(set) var pairs: [String: Int] = [:]

    package init() {}

    package mutating func add(_ report: RunReport) {
        let kinds = report.faults.keys.sorted()
        for kind in kinds { occurrences[kind, default: 0] += report.faults[kind] ?? 0 }
        for (position, first) in kinds.enumerated() {
            for second in kinds[position...] { pairs[Self.name(first, second), default: 0] += 1 }
        }
    }

    package mutating func add(_ other: Coverage) {
        occurrences.merge(other.occurrences, uniquingKeysWith: +)
        pairs.merge(other.pairs, uniquingKeysWith: +)
    }

    /// In how many runs two kinds of fault both occurred.
    package func runCount(_ first: FaultKind, _ second: FaultKind) -> Int {
        pairs[Self.name(min(first.rawValue, second.rawValue), max(first.rawValue, second.rawValue))] ?? 0
    }

    /// Pairs of kinds that never occurred in one run.
    package var missing: [(FaultKind, FaultKind)] {
        let kinds = FaultKind.allCases
        return kinds.indices.flatMap { first in
            kinds.indices.filter { $0 >= first && runCount(kinds[first], kinds[$0]) == 0 }
                .map { (kinds[first], kinds[$0]) }
        }
    }

    private static func name(_ first: String, _ second: String) -> String { "\(first) \(second)" }

    /// A table of kind × occurrences, and one of kind × kind with the number of runs in which both occurred.
    package var table: String {
        let kinds = FaultKind.allCases
        var lines = ["| fault | occurrences | runs |", "|---|---|---|"]
        for kind in kinds {
            lines.append("| \(kind.rawValue) | \(occurrences[kind.rawValue] ?? 0) | \(runCount(kind, kind)) |")
        }
        lines += ["", "Runs in which both faults of a pair occurred:", ""]
        lines.append("| |" + kinds.map { " \($0.rawValue) |" }.joined())
        lines.append("|---|" + kinds.map { _ in "---|" }.joined())
        for first in kinds {
            lines.append("| \(first.rawValue) |" + kinds.map { " \(runCount(first, $0)) |" }.joined())
        }
        return lines.joined(separator: "\n")
    }
}
