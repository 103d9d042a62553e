// What a value of the cluster's configuration is called, and the key that it has in the map.
import JSON
package import Replica

/// One value of the configuration that all members share.
package enum GlobalName: Sendable, Hashable {
    /// A function that chooses among servers.
    case script(String)
    /// A function that measures a server.
    case metric(String)
    /// Which scripts choose, and when.
    case placement

    /// The part of the key before the name of a script.
    private static let scriptPrefix = "scripts/"
    /// The part of the key before the name of a metric.
    private static let metricPrefix = "metrics/"
    /// What the keys of all values begin with.
    package static let keyPrefix = "config/"
    private static let placementText = "placement"

    /// What may be named, for messages.
    package static let allowed = "\"scripts/NAME\", \"metrics/NAME\" or \"placement\""

    /// The forms of a name, of which one is meant.
    package enum Reading: Sendable, Equatable {
        /// A name as it may be.
        case name(GlobalName)
        /// Meant for a script or a metric, but not a name that one may have.
        case mistake(ConfigurationErrors)
        /// Of no kind that this version knows.
        case unknown
    }

    /// Reads a name as people type it, such as `scripts/Needs GPU`; with `config/` before it too.
    package static func read(_ text: String) -> Reading {
        let rest = text.hasPrefix(keyPrefix) ? String(text.dropFirst(keyPrefix.count)) : text
        if rest == placementText { return .name(.placement) }
        for (prefix, make) in [(scriptPrefix, GlobalName.script), (metricPrefix, GlobalName.metric)] {
            guard rest.utf8.starts(with: prefix.utf8) else { continue }
            let name = String(decoding: rest.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
            if isAllowed(name) { return .name(make(name)) }
            return .mistake(
                ConfigurationErrors(
                    ConfigurationError(
                        file: ShownText.oneLine(keyPrefix + rest),
                        problem: .content(
                            .notAllowed(found: "the name \(ShownText.quoted(name))", allowed: Self.allowedNames)))))
        }
        return .unknown
    }

    /// Reads a name that somebody has typed.
    package static func parse(_ text: String) throws(ConfigurationErrors) -> GlobalName {
        switch read(text) {
        case .name(let name): return name
        case .mistake(let errors): throw errors
        case .unknown:
            let word = text.split(separator: "/").first.map(String.init) ?? text
            let suggestion = Suggestion.nearest(to: word, among: ["scripts", "metrics", placementText])
            throw ConfigurationErrors(
                ConfigurationError(
                    file: "the cluster's configuration",
                    problem: .content(
                        .notAllowed(
                            found: ShownText.quoted(text),
                            allowed: allowed + (suggestion.map { "; did you mean \"\($0)\"?" } ?? "")))))
        }
    }

    /// What a script or a metric may be called.
    static let allowedNames =
        "1 to \(GlobalLimits.nameCharacterCountMax) characters on one line (up to \(GlobalLimits.nameByteCountMax) bytes), "
        + "without \"/\", and without a blank at the beginning or the end"

    /// Whether a script or a metric may be called so.
    package static func isAllowed(_ name: String) -> Bool {
        (1...GlobalLimits.nameCharacterCountMax).contains(name.count)
            && name.utf8.count <= GlobalLimits.nameByteCountMax && !name.utf8.contains(UInt8(ascii: "/"))
            && ShownText.oneLine(name) == name && name.first?.isWhitespace == false && name.last?.isWhitespace == false
    }

    /// As people type it: `scripts/Needs GPU`.
    package var text: String {
        switch self {
        case .script(let name): Self.scriptPrefix + name
        case .metric(let name): Self.metricPrefix + name
        case .placement: Self.placementText
        }
    }

    /// In the map, and in messages: `config/scripts/Needs GPU`.
    package var key: Key { Key(checked: Array((Self.keyPrefix + text).utf8)) }
}

extension GlobalName: Comparable, CustomStringConvertible {
    /// As messages name it: its key.
    package var description: String { Self.keyPrefix + text }

    /// In the order of the map.
    package static func < (left: GlobalName, right: GlobalName) -> Bool { left.key < right.key }

    /// By bytes, as the map has it: names that only look the same are two.
    package static func == (left: GlobalName, right: GlobalName) -> Bool { left.key == right.key }

    package func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

/// The limits of the cluster's configuration.
package enum GlobalLimits {
    /// Characters as people count them.
    static let nameCharacterCountMax = 80
    /// What the name of a file has room for, as which it is exported.
    static let nameByteCountMax = 240
    /// Bytes of a script or a metric: some 1,500 lines.
    package static let textByteCountMax = 64 << 10
    /// Each script of a chain runs at every placement.
    static let chainCountMax = 100
}
