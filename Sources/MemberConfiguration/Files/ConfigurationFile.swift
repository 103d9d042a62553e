// What the five configuration files have in common.
package import JSON

/// The content of one file of the configuration directory.
package protocol ConfigurationFile: Sendable, Equatable {
    /// The file's name in the configuration directory.
    static var fileName: String { get }

    /// Where the content is in the whole configuration.
    static var part: any WritableKeyPath<Configuration, Self> & Sendable { get }

    /// Without a required file the agent does not start; for any other, its defaults hold.
    static var isRequired: Bool { get }

    /// A value of the wrong type at the top of this file could be a secret.
    static var holdsSecrets: Bool { get }

    /// What is known of its keys; none where they are the administrator's own.
    static var descriptions: [KeyDescription] { get }

    /// The defaults.
    init()

    /// Reads the content. Mistakes go to the reader's log.
    init(from reader: inout ObjectReader)

    /// The content as it is written to the file.
    func toJSON() -> JSONValue
}

extension ConfigurationFile {
    /// False, unless the file says otherwise.
    package static var isRequired: Bool { false }
    /// False, unless the file says otherwise.
    package static var holdsSecrets: Bool { false }

    /// The content as the text of the file.
    package var text: [UInt8] { Array(toJSON().prettyText.utf8) }

    /// How messages name the file.
    static var displayName: String { "config/\(fileName)" }

    /// Reads the text of the file, and reports all mistakes in it.
    package static func parse(
        _ bytes: some Collection<UInt8>
    ) throws(ConfigurationErrors) -> (content: Self, warnings: [JSONWarning]) {
        let value: JSONValue
        do {
            value = try JSONValue.parse(bytes)
        } catch {
            throw ConfigurationErrors(ConfigurationError(file: displayName, problem: .malformed(error)))
        }
        return try read(value)
    }

    /// Reads a value that was parsed already.
    static func read(
        _ value: JSONValue
    ) throws(ConfigurationErrors) -> (content: Self, warnings: [JSONWarning]) {
        let log = MistakeLog(displayName)
        var reader = ObjectReader(value, log: log, isSecret: holdsSecrets)
        let content = Self(from: &reader)
        if let errors = ConfigurationErrors(log.errors.map(ConfigurationError.init), omittedCount: log.omittedCount) {
            throw errors
        }
        return (content, log.warnings)
    }
}
