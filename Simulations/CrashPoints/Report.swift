// What an enumeration reports: for each workload how much was looked at, and what was wrong.

/// The outcome of a whole enumeration.
package struct CrashPointReport: Codable, Sendable {
    package var workloads: [WorkloadReport] = []

    package init() {}

    package var imageCount: Int { workloads.reduce(0) { $0 + $1.imageCount } }
    package var violationCount: Int { workloads.reduce(0) { $0 + $1.violationCount } }
    package var seconds: Double { workloads.reduce(0) { $0 + $1.seconds } }
}

/// The outcome of one workload.
package struct WorkloadReport: Codable, Sendable {
    package let name: String
    /// Calls that the workload made.
    package let operationCount: Int
    /// Calls after which the power was cut.
    package let crashPointCount: Int
    /// Windows of unsynced changes, behind these calls, of which all subsets were gone through.
    package let exhaustiveWindowCount: Int
    /// Distinct images that were read.
    package let imageCount: Int
    /// Those that were also opened, written to and checked again.
    package let openedFullyCount: Int
    package let violationCount: Int
    /// The first violations, each with the name of its image.
    package let violations: [Violation]
    /// Where the recording was kept, which images are built again from; nil where nothing was wrong.
    package let recording: String?
    package let seconds: Double
}

extension WorkloadReport: CustomStringConvertible {
    /// One line for people.
    package var description: String {
        "\(name): \(operationCount) operations, \(crashPointCount) crash points, "
            + "\(exhaustiveWindowCount) windows exhausted, \(imageCount) images, \(openedFullyCount) opened fully, "
            + "\(violationCount) violations, \((seconds * 10).rounded() / 10) s"
    }
}
