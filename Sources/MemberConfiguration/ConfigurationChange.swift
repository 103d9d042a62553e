// What differs between two configurations, one line each for the log, without secrets.
import JSON

/// The differences between an old and a new configuration.
package struct ConfigurationChange: Sendable, Equatable {
    /// One line for each difference: `settings.json: sessionsEnabled: true -> false`. One that waits says so.
    package let lines: [String]

    /// Whether the two are the same.
    package var isEmpty: Bool { lines.isEmpty }

    /// Compares the values of all keys.
    package init(from old: Configuration, to new: Configuration) {
        var lines: [String] = []
        lines += Self.cluster(old.cluster, new.cluster)
        lines += Self.keys(old.settings, new.settings)
        lines += Self.members(old.staticData, new.staticData)
        lines += Self.debug(old.debug.topics, new.debug.topics)
        lines += Self.keys(old.web, new.web)
        lines += Self.metrics(old.localMetrics, new.localMetrics)
        self.lines = lines
    }

    // MARK: cluster.json

    private static func cluster(_ old: ClusterConfiguration, _ new: ClusterConfiguration) -> [String] {
        let file = ClusterConfiguration.fileName
        var lines: [String] = []
        if let keys = keys(old.keys, new.keys) { lines.append("\(file): keys: \(keys)") }
        lines += connections(old.databaseConnections, new.databaseConnections).map {
            "\(file): databaseConnections\($0)"
        }
        // What is left holds no secret and can be shown as it is.
        var (oldRest, newRest) = (old, new)
        (oldRest.keys, oldRest.databaseConnections) = ([], [])
        (newRest.keys, newRest.databaseConnections) = ([], [])
        return lines + keys(oldRest, newRest)
    }

    /// `1 added, 1 removed`; nil without a difference.
    private static func keys(_ old: [KeyEntry], _ new: [KeyEntry]) -> String? {
        let (oldSecrets, newSecrets) = (Set(old.map(\.secret)), Set(new.map(\.secret)))
        let addedCount = newSecrets.subtracting(oldSecrets).count
        let removedCount = oldSecrets.subtracting(newSecrets).count
        let changedCount = new.count { key in old.contains { $0.secret == key.secret && $0 != key } }
        var parts: [String] = []
        if addedCount > 0 { parts.append("\(addedCount) added") }
        if removedCount > 0 { parts.append("\(removedCount) removed") }
        if changedCount > 0 { parts.append("\(changedCount) with another scope or name") }
        if parts.isEmpty, old != new { parts.append("order changed") }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    private static func connections(_ old: [DatabaseConnection], _ new: [DatabaseConnection]) -> [String] {
        let oldOptions = Dictionary(old.map { ($0.url, $0.options) }, uniquingKeysWith: { first, _ in first })
        let newOptions = Dictionary(new.map { ($0.url, $0.options) }, uniquingKeysWith: { first, _ in first })
        var lines = old.filter { newOptions[$0.url] == nil }.map { ": \($0.url) removed" }
        lines += new.filter { oldOptions[$0.url] == nil }.map { ": \($0.url) added" }
        for connection in new {
            guard let before = oldOptions[connection.url], before != connection.options else { continue }
            lines += options(before, connection.options).map { "[\"\(connection.url)\"].options.\($0)" }
        }
        let oldOrder = old.map(\.url).filter { newOptions[$0] != nil }
        let newOrder = new.map(\.url).filter { oldOptions[$0] != nil }
        if oldOrder != newOrder { lines.append(": order changed") }
        return lines
    }

    private static func options(_ old: ConnectionOptions, _ new: ConnectionOptions) -> [String] {
        let hiddenKeys: Set<String> = ["ca", "cert", "key", "passphrase", "proxy"]
        return differences(old.toJSON(), new.toJSON(), absent: "default").map { difference in
            hiddenKeys.contains(difference.key)
                ? "\(difference.key): changed" : "\(difference.key): \(difference.old) -> \(difference.new)"
        }
    }

    // MARK: Other files

    private static func metrics(_ old: LocalMetrics, _ new: LocalMetrics) -> [String] {
        let (old, new) = (old.texts.merging(old.problems) { $1 }, new.texts.merging(new.problems) { $1 })
        return Set(old.keys).union(new.keys).sorted().filter { old[$0] != new[$0] }.map { name in
            let what = old[name] == nil ? "added" : new[name] == nil ? "removed" : "changed"
            return "\(LocalMetrics.directoryName)/\(TextFileName.file(of: name)): \(what)"
        }
    }

    private static func debug(_ old: Set<DebugTopic>, _ new: Set<DebugTopic>) -> [String] {
        DebugTopic.allCases.filter { old.contains($0) != new.contains($0) }.map { topic in
            "\(DebugConfiguration.fileName): \(topic.title): \(new.contains(topic) ? "off -> on" : "on -> off")"
        }
    }

    /// The declared keys of a file in which two contents differ.
    private static func keys<File: ConfigurationFile>(_ old: File, _ new: File) -> [String] {
        let (oldContent, newContent) = (old.toJSON(), new.toJSON())
        return File.descriptions.compactMap { key in
            let (old, new) = (key.value(in: oldContent), key.value(in: newContent))
            guard old != new else { return nil }
            let wait = key.effect == .atStart ? "; \(TakingEffect.nextStart)" : ""
            // What is left out of the file is its default, where that is a value.
            let absent = key.shownDefault.hasPrefix("`") ? key.shownDefault.filter { $0 != "`" } : "absent"
            return "\(File.fileName): \(key.place): "
                + "\(shown(old, absent: absent)) -> \(shown(new, absent: absent))\(wait)"
        }
    }

    /// The same of a file whose keys are not declared.
    private static func members<File: ConfigurationFile>(_ old: File, _ new: File) -> [String] {
        differences(old.toJSON(), new.toJSON(), absent: "absent").map { difference in
            "\(File.fileName): \(JSONPlace.root.key(difference.key)): \(difference.old) -> \(difference.new)"
        }
    }

    /// The members in which two objects differ, in the order of their keys.
    private static func differences(
        _ old: JSONValue, _ new: JSONValue, absent: String
    ) -> [(key: String, old: String, new: String)] {
        guard case .object(let oldMembers) = old, case .object(let newMembers) = new else { return [] }
        let keys = Set(oldMembers.keys).union(newMembers.keys).sorted()
        return keys.filter { oldMembers[$0]?.canonicalText != newMembers[$0]?.canonicalText }.map { key in
            (key, shown(oldMembers[key], absent: absent), shown(newMembers[key], absent: absent))
        }
    }

    /// A value that was accepted, so that lists and objects may be shown too.
    private static func shown(_ value: JSONValue?, absent: String) -> String {
        guard let value else { return absent }
        if case .string(let text) = value { return ShownText.quoted(text) }
        let text = ShownText.oneLine(value.canonicalText)
        let isCut = text.count > ShownText.valueCharacterCountMax
        return isCut ? text.prefix(ShownText.valueCharacterCountMax) + "..." : text
    }
}
