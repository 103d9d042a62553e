// What can be run, and what can go wrong in it.
import ArgumentParser
import Scenarios
import SimulatedRelay

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Names the scenarios and the kinds of fault.")

    func run() {
        print("Scenarios:")
        for scenario in Scenario.allCases { print("  \(scenario.rawValue.padded)\(scenario.meaning)") }
        print("\nKinds of fault:")
        for kind in FaultKind.allCases { print("  \(kind.rawValue.padded)\(kind.meaning)") }
        print("\nKinds of fault of the relay:")
        for kind in RelayFault.allCases { print("  \(kind.rawValue.padded)\(kind.meaning)") }
    }
}

extension String {
    /// At least 20 characters, so that what follows stands below each other.
    fileprivate var padded: String { self + String(repeating: " ", count: max(1, 20 - count)) }
}
