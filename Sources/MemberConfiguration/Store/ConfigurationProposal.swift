// What is asked of the store, what comes of it, and why it may refuse.
package import JSON

/// A change of one file, as somebody asks for it.
package struct ConfigurationProposal: Sendable {
    /// Which file.
    package let file: any ConfigurationFile.Type
    /// The whole new text of the file.
    package let text: [UInt8]
    /// The content that the change was made from; nil: whatever there is.
    package let expected: ConfigurationVersion?
    /// Who asks, for the log: `fastx-agent key new`.
    package let source: String
    /// The account that asks, where it is known.
    package var user: String?
    /// The address that it is asked from, where it came over the network.
    package var address: String?

    /// A whole new text, which is checked only by the store.
    package init(_ file: any ConfigurationFile.Type, text: [UInt8], expected: ConfigurationVersion?, source: String) {
        self.file = file
        self.text = text
        self.expected = expected
        self.source = source
    }

    /// A whole new content.
    package init<File: ConfigurationFile>(_ content: File, expected: ConfigurationVersion?, source: String) {
        self.init(File.self, text: content.text, expected: expected, source: source)
    }
}

/// A configuration that was taken up.
package struct AppliedConfiguration: Sendable {
    /// All files as they count from now on.
    package let configuration: Configuration
    /// What is new in it; nothing where a file was only read again.
    package let change: ConfigurationChange
    /// What is allowed in the files that were read and yet likely a mistake.
    package let warnings: [JSONWarning]
    /// By what it was asked for; nil: the files were edited.
    package let source: String?
    /// The account that asked for it, where it is known.
    package let user: String?
    /// The address that it was asked from, where it came over the network.
    package let address: String?
}

/// Why a change was not made; everything is as it was before.
package enum ConfigurationRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file has another content than the one that the change was made from.
    case stale(file: String, expected: ConfigurationVersion, found: ConfigurationVersion)
    /// Another process has been changing the configuration for longer than is waited.
    case locked(path: String)
    /// There is no configuration file of this name.
    case noSuchFile(String)
    /// A part could not take the new configuration, and another one then not the old one again.
    case notTakenBack(reason: String, part: String, problem: String)

    /// What stands in the way and what to do, in one line or two.
    package var description: String {
        switch self {
        case .stale(let file, let expected, let found):
            "\(file): the change was made from version \(expected) and the file has version \(found) by now, for somebody "
                + "else has changed it; nothing was written; read the file again and repeat the change"
        case .locked(let path):
            "\(path): another process has been changing the configuration for "
                + "\(ConfigurationLock.waitMax.components.seconds) s; nothing was written; try again when it has ended"
        case .noSuchFile(let name):
            "there is no configuration file \"\(name)\"; files: "
                + Configuration.files.map { $0.fileName }.joined(separator: ", ")
        case .notTakenBack(let reason, let part, let problem):
            "\(reason)\n\(part) could not go back to the old configuration, so restart the agent: \(problem)"
        }
    }
}

extension Configuration {
    /// The five files.
    package static let files: [any ConfigurationFile.Type] = [
        ClusterConfiguration.self, SettingsConfiguration.self, StaticDataConfiguration.self, DebugConfiguration.self,
        WebConfiguration.self,
    ]

    /// The file of a name.
    package static func file(named name: String) throws(ConfigurationRefusal) -> any ConfigurationFile.Type {
        guard let file = files.first(where: { $0.fileName == name }) else { throw .noSuchFile(name) }
        return file
    }
}
