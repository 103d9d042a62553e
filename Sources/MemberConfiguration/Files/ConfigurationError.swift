// The mistakes of configuration files: each one line that names file, key, value and what is allowed.
package import JSON

/// One mistake in a configuration file, or one reason why the file cannot be used.
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file as an administrator knows it: `config/cluster.json`.
    package let file: String

    /// Where in the file; the root for the file as a whole.
    package let place: JSONPlace

    /// What is wrong there.
    package let problem: Problem

    init(file: String, place: JSONPlace = .root, problem: Problem) {
        self.file = file
        self.place = place
        self.problem = problem
    }

    init(_ mistake: JSONMistake) {
        self.init(file: mistake.document, place: mistake.place, problem: .content(mistake.problem))
    }

    /// What can be wrong. Values in here are already fit to be shown: see `ShownText`.
    package enum Problem: Sendable, Equatable {
        /// A key or its value.
        case content(JSONMistake.Problem)
        /// The text is no JSON.
        case malformed(JSONSyntaxError)
        /// A file is not there without which the agent does not start.
        case fileMissing
        /// Nothing of the file was read.
        case fileTooLarge(byteCountMax: Int)
        /// Something else stands in the file's place, such as a directory.
        case notARegularFile
        /// A system call failed.
        case system(operation: String, reason: String)
        /// Others than the owner may get at the file; `command` sets it right.
        case looseMode(mode: String, allowed: String, command: String)
        /// The file belongs to another user than the one who runs this program; `command` sets it right.
        case foreignOwner(owner: UInt32, user: UInt32, command: String)
    }

    /// One line: file, place, what is wrong there and what is allowed.
    package var description: String { "\(place.prefix(for: file)): \(problem)" }
}

extension ConfigurationError.Problem: CustomStringConvertible {
    /// What is wrong and what is allowed, without the place.
    package var description: String {
        switch self {
        case .content(let problem): problem.description
        case .malformed(let error): "not valid JSON: \(error)"
        case .fileMissing: "there is no such file; run `fastx-agent init`, which makes it"
        case .fileTooLarge(let byteCountMax): "the file is too large; allowed: at most \(byteCountMax) bytes"
        case .notARegularFile: "is not a regular file; replace it with one"
        case .system(let operation, let reason): "cannot \(operation): \(reason)"
        case .looseMode(let mode, let allowed, let command):
            "mode \(mode) lets other users in; allowed: \(allowed) or stricter; run: \(command)"
        case .foreignOwner(let owner, let user, let command):
            "belongs to user id \(owner), but this program runs as user id \(user); run: \(command)"
        }
    }
}

/// All mistakes that were found at once; at least one.
package struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
    let first: ConfigurationError
    let others: [ConfigurationError]

    /// How many more there are than are listed.
    let omittedCount: Int

    /// In the order in which they were found; at least one.
    package var all: [ConfigurationError] { [first] + others }

    /// One line for each mistake.
    package var lines: [String] {
        all.map(\.description) + (omittedCount > 0 ? ["\(omittedCount) more mistakes are not listed"] : [])
    }

    /// The lines, one below the other.
    package var description: String { lines.joined(separator: "\n") }

    init(_ first: ConfigurationError, others: [ConfigurationError] = [], omittedCount: Int = 0) {
        self.first = first
        self.others = others
        self.omittedCount = omittedCount
    }

    /// Nil when there is no mistake.
    init?(_ errors: [ConfigurationError], omittedCount: Int = 0) {
        guard let first = errors.first else { return nil }
        self.init(first, others: Array(errors.dropFirst()), omittedCount: omittedCount)
    }
}
