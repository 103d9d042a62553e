// The name of an image: enough to build it again from the same recording.

/// Workload, operation, subject, names and contents: `commits:120:store:0.2:subset-1f`.
package struct ImageName: Sendable, Hashable {
    package let workload: String
    /// The index of the operation after which the power was cut.
    package let operation: Int
    package let subject: String
    package let names: NameChoice
    /// Nil where there is no file.
    package let contents: ImageChoice?

    package init(workload: String, operation: Int, subject: String, names: NameChoice, contents: ImageChoice?) {
        self.workload = workload
        self.operation = operation
        self.subject = subject
        self.names = names
        self.contents = contents
    }

    package init(parsing text: String) throws(CrashPointError) {
        let parts = text.split(separator: ":").map(String.init)
        guard parts.count == 5 else { throw .imageName(text, reason: "it has \(parts.count) parts instead of 5") }
        guard let operation = Int(parts[1]), operation >= 0 else {
            throw .imageName(text, reason: "\"\(parts[1])\" is no operation's index")
        }
        let counts = parts[3].split(separator: ".").compactMap { Int($0) }
        guard counts.count == 2, counts.allSatisfy({ $0 >= 0 }) else {
            throw .imageName(text, reason: "\"\(parts[3])\" is no choice of names")
        }
        let contents = ImageChoice(parts[4])
        guard contents != nil || parts[4] == Self.absent else {
            throw .imageName(text, reason: "\"\(parts[4])\" is no choice of contents")
        }
        self.init(
            workload: parts[0], operation: operation, subject: parts[2],
            names: NameChoice(rootCount: counts[0], directoryCount: counts[1]), contents: contents)
    }

    private static let absent = "absent"
}

extension ImageName: CustomStringConvertible {
    package var description: String {
        "\(workload):\(operation):\(subject):\(names.rootCount).\(names.directoryCount):"
            + (contents?.description ?? Self.absent)
    }
}
