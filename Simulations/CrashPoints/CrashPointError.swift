// Everything that can go wrong with the enumeration itself; what is wrong with the store is a violation instead.

/// Every error of this module.
package enum CrashPointError: Error, Equatable, Sendable {
    case unknownWorkload(String, known: [String])
    /// A recording is not one.
    case recording(offset: Int, String)
    /// A recorded call that the model of a disk has no rule for.
    case notModelled(operation: Int, String)
    /// A line of the journal that is not one.
    case note(String)
    case file(operation: String, path: String, reason: String)
    case child(String)
    case imageName(String, reason: String)
    /// The store did something in a workload that the workload does not provide for.
    case workload(String)
}

extension CrashPointError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknownWorkload(let name, let known):
            "there is no workload \"\(name)\"; there are \(known.joined(separator: ", "))"
        case .recording(let offset, let reason):
            "the recording cannot be read at byte \(offset): \(reason); record it again with the shim of this release"
        case .notModelled(let operation, let reason):
            "recorded operation \(operation) is not modelled: \(reason); teach it to Timeline or do without it"
        case .note(let line):
            "the journal has a line that cannot be read: \"\(line)\"; record the workload again"
        case .file(let operation, let path, let reason):
            "cannot \(operation) \(path): \(reason)"
        case .child(let reason):
            "a child process failed: \(reason)"
        case .imageName(let name, let reason):
            "\"\(name)\" names no image: \(reason); copy the name from the line of a violation"
        case .workload(let reason):
            "the workload went wrong: \(reason)"
        }
    }
}
