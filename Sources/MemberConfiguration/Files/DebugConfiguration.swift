// debug.json: the topics on which the log tells everything.
import JSON

/// A topic of debug logging.
package enum DebugTopic: String, CaseIterable, Sendable {
    /// The links over which members gossip, and every message on them.
    case clusterCommunication = "cluster-communication"
    /// What external members and the others have to do with each other.
    case clusterExternalConnections = "cluster-external-connections"
    /// What the store commits, expires and takes out.
    case clusterDatabase = "cluster-database"

    /// The name in the administration pages, and in `debug.json`.
    package var title: String {
        switch self {
        case .clusterCommunication: "Cluster Communication"
        case .clusterExternalConnections: "Cluster External Connections"
        case .clusterDatabase: "Cluster Database"
        }
    }

    /// The short name for the command line; `debug.json` accepts it too.
    package var slug: String { rawValue }

    /// The topic of a title or a slug.
    package init?(name: String) {
        guard let topic = Self.allCases.first(where: { $0.title == name || $0.slug == name }) else { return nil }
        self = topic
    }

    /// What messages give as allowed.
    static var allowedNames: String {
        allCases.map { "\"\($0.title)\" (or \"\($0.slug)\")" }.joined(separator: ", ")
    }
}

/// Which topics are logged in full. None by default: debug logging prints a lot.
package struct DebugConfiguration: Sendable, Equatable {
    /// Those that are on.
    package var topics: Set<DebugTopic> = []

    /// None.
    package init() {}
}

extension DebugConfiguration: ConfigurationFile, ConfigurationPart {
    package static let fileName = "debug.json"
    package static let part: any WritableKeyPath<Configuration, DebugConfiguration> & Sendable = \.debug

    package static let keys: [ConfigurationKey<DebugConfiguration>] = [
        .value(
            "topics", \.topics, type: "list of topics",
            DebugTopic.allCases.map { "`\"\($0.title)\"` (or `\"\($0.slug)\"`)" }.joined(separator: ", ") + ".",
            read: { reader, name in
                let countMax = 2 * DebugTopic.allCases.count
                return Set(
                    reader.strings(
                        name, countMax: countMax, of: "topics", allowed: DebugTopic.allowedNames,
                        accept: DebugTopic.init(name:)))
            }, write: { topics in .array(DebugTopic.allCases.filter(topics.contains).map { .string($0.title) }) })
    ]
}
