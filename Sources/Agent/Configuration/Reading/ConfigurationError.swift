// The mistakes of configuration files: each one line that names file, key, value and what is allowed.

/// One mistake in a configuration file, or one reason why the file cannot be used.
struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file as an administrator knows it: `config/cluster.json`.
    let file: String

    /// Where in the file; empty for the file as a whole.
    let keyPath: ConfigurationKeyPath

    let problem: Problem

    init(file: String, keyPath: ConfigurationKeyPath = .root, problem: Problem) {
        self.file = file
        self.keyPath = keyPath
        self.problem = problem
    }

    /// What can be wrong. Values in here are already fit to be shown: see `ShownText`.
    enum Problem: Sendable, Equatable {
        /// The value is of the wrong type, or outside its range.
        case notAllowed(found: String, allowed: String)
        /// The value is understood and turned down for a reason.
        case refused(found: String, reason: String, allowed: String)
        /// Two settings that exclude each other. The text is a whole sentence.
        case contradiction(String)
        /// A key without which the file means nothing.
        case missing(allowed: String)
        case unknownKey(name: String, known: [String], suggestion: String?)
        /// A known option of Node's HTTPS agent that has no meaning here.
        case unsupportedOption(name: String)
        case malformed(JSONSyntaxError)
        case fileMissing
        case fileTooLarge(byteCountMax: Int)
        case notARegularFile
        /// A system call failed.
        case system(operation: String, reason: String)
        case looseMode(mode: String, allowed: String, command: String)
        case foreignOwner(owner: UInt32, user: UInt32, command: String)
    }

    var description: String {
        let place = keyPath == .root ? file : "\(file): \(keyPath)"
        return "\(ShownText.oneLine(place)): \(problem)"
    }
}

extension ConfigurationError.Problem: CustomStringConvertible {
    var description: String {
        switch self {
        case .notAllowed(let found, let allowed):
            return "\(found) is not allowed; allowed: \(allowed)"
        case .refused(let found, let reason, let allowed):
            return "\(found) is refused: \(reason); allowed: \(allowed)"
        case .contradiction(let sentence):
            return sentence
        case .missing(let allowed):
            return "is required and missing; allowed: \(allowed)"
        case .unknownKey(let name, let known, let suggestion):
            let hint = suggestion.map { "; did you mean \"\($0)\"?" } ?? ""
            let keys = known.isEmpty ? "none" : known.joined(separator: ", ")
            return "\(name) is not a known key; known keys: \(keys)\(hint)"
        case .unsupportedOption(let name):
            return "\(name) is an option of Node's HTTPS agent that is not supported here; remove it"
        case .malformed(let error):
            return "not valid JSON: \(error)"
        case .fileMissing:
            return "there is no such file; run `fastx-agent init`, which makes it"
        case .fileTooLarge(let byteCountMax):
            return "the file is too large; allowed: at most \(byteCountMax) bytes"
        case .notARegularFile:
            return "is not a regular file; replace it with one"
        case .system(let operation, let reason):
            return "cannot \(operation): \(reason)"
        case .looseMode(let mode, let allowed, let command):
            return "mode \(mode) lets other users in; allowed: \(allowed) or stricter; run: \(command)"
        case .foreignOwner(let owner, let user, let command):
            return "belongs to user id \(owner), but this program runs as user id \(user); run: \(command)"
        }
    }
}

/// All mistakes that were found at once; at least one.
struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
    let first: ConfigurationError
    let others: [ConfigurationError]

    /// How many more there are than are listed.
    let omittedCount: Int

    var all: [ConfigurationError] { [first] + others }

    /// One line for each mistake.
    var lines: [String] {
        all.map(\.description) + (omittedCount > 0 ? ["\(omittedCount) more mistakes are not listed"] : [])
    }

    var description: String { lines.joined(separator: "\n") }

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

/// Something in a file that works, but not as its author may expect.
struct ConfigurationWarning: Sendable, Equatable, CustomStringConvertible {
    let file: String
    let keyPath: ConfigurationKeyPath
    /// A whole sentence that says why, and what to do.
    let message: String

    var description: String {
        let place = keyPath == .root ? file : "\(file): \(keyPath)"
        return "\(ShownText.oneLine(place)): \(message)"
    }
}
