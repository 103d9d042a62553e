// Which metrics run on this host, and as whom: two words of settings.json.
import JSON

/// Which metrics run on this host.
package enum MetricsMode: String, Sendable, CaseIterable {
    /// Those of the cluster and those of this host.
    case cluster
    /// Those of this host alone: the files of the directory `metrics`.
    case local
    /// None.
    case off
}

/// As whom metrics run.
package enum MetricsUser: String, Sendable, CaseIterable {
    /// As the user of the unit `fastx-metrics.socket`; not at all where that is missing.
    case unit
    /// As the agent's own user.
    case ownUser = "self"
}

extension ConfigurationKey {
    /// One of a few words. It is written only where it is not at its default: an earlier version, which does not know the
    /// key, can start on the directory.
    static func word<Word: RawRepresentable<String> & CaseIterable & Equatable & Sendable>(
        _ name: String, _ path: any WritableKeyPath<Part, Word> & Sendable, default usual: Word, _ meaning: String
    ) -> ConfigurationKey {
        let words = Word.allCases.map { "\"\($0.rawValue)\"" }
        let allowed = "\(words.dropLast().joined(separator: ", ")) or \(words.last ?? "")"
        return .value(
            name, path, type: words.map { "`\($0)`" }.joined(separator: ", "), default: "`\"\(usual.rawValue)\"`",
            meaning, read: { $0.string($1, allowed: allowed) { Word(rawValue: $0) } },
            write: { $0 == usual ? nil : .string($0.rawValue) })
    }
}
