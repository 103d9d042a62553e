// The configuration that is the cluster's: the scripts, metrics and chains that all members have in common.
import JSON

/// Everything that is configured for the whole cluster.
package struct GlobalConfiguration: Sendable, Equatable {
    /// The texts of the scripts in the map by their names; those that are shipped with the program are not among them.
    package var scripts: [String: String] = [:]
    /// The texts of the metrics by their names.
    package var metrics: [String: String] = [:]
    /// Which scripts choose, and when. It may name scripts that are not there: see `missingScripts`.
    package var placement = PlacementConfiguration()

    /// The defaults: nothing.
    package init() {}

    /// Of values that were read one by one.
    package init(_ values: [GlobalName: GlobalValue]) {
        for (name, value) in values { self[name] = value }
    }

    /// The value of a name; nil where there is none. The chains always have one.
    package subscript(name: GlobalName) -> GlobalValue? {
        get {
            switch name {
            case .script(let script): scripts[script].map { .text($0) }
            case .metric(let metric): metrics[metric].map { .text($0) }
            case .placement: .placement(placement)
            }
        }
        set {
            switch (name, newValue) {
            case (.script(let script), .text(let text)?): scripts[script] = text
            case (.script(let script), _): scripts[script] = nil
            case (.metric(let metric), .text(let text)?): metrics[metric] = text
            case (.metric(let metric), _): metrics[metric] = nil
            case (.placement, .placement(let placement)?): self.placement = placement
            case (.placement, _): placement = PlacementConfiguration()
            }
        }
    }

    /// The scripts that a chain names and nobody has, each with its place; no mistakes where all are there.
    ///
    /// A chain is never shortened: without one of its scripts it might choose what that script keeps out. So whoever
    /// asks for a placement is refused until the script or the chain is mended.
    ///
    /// - Parameter predefined: The names of the scripts that are shipped with the program.
    package func missingScripts(predefined: Set<String>) -> ConfigurationErrors? {
        let known = predefined.union(scripts.keys).sorted()
        var errors: [ConfigurationError] = []
        for (key, names) in placement.chains {
            for (index, name) in names.enumerated() where scripts[name] == nil && !predefined.contains(name) {
                let hint = Suggestion.nearest(to: name, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
                errors.append(
                    ConfigurationError(
                        file: GlobalName.placement.description, place: JSONPlace.root.key(key).index(index),
                        problem: .content(
                            .contradiction(
                                "there is no script \(ShownText.quoted(name)); write it as "
                                    + "\(ShownText.quoted(GlobalName.script(name).text)), or take the name out\(hint)"))
                    ))
            }
        }
        return ConfigurationErrors(errors)
    }
}

extension ConfigurationErrors {
    /// A script or metric has the name of one that is shipped with the program.
    package static func predefined(_ name: GlobalName) -> ConfigurationErrors {
        contradiction(name, "is shipped with the program and cannot be changed; copy it under another name")
    }

    /// A script is to be removed that a chain names.
    package static func inUse(_ name: GlobalName, by chains: [String]) -> ConfigurationErrors {
        contradiction(
            name,
            "is named in \(chains.joined(separator: " and ")) of \(GlobalName.placement); take it out there first")
    }

    /// Two names that people cannot tell apart.
    package static func twin(_ name: GlobalName) -> ConfigurationErrors {
        contradiction(
            name,
            "is written like another one of this name, of other characters that look the same; choose another name")
    }

    /// What the check of a text has found, where it has.
    ///
    /// - Parameter line: From 1, as is the column; nil where it is not known.
    package static func script(_ name: GlobalName, line: Int?, column: Int?, _ message: String) -> ConfigurationErrors {
        let place = [line.map { "line \($0)" }, column.map { "column \($0)" }].compactMap(\.self)
        let words = [place.joined(separator: ", "), ShownText.oneLine(message)].filter { !$0.isEmpty }
        return contradiction(name, words.joined(separator: ": "))
    }

    private static func contradiction(_ name: GlobalName, _ sentence: String) -> ConfigurationErrors {
        ConfigurationErrors(
            ConfigurationError(file: ShownText.oneLine(name.description), problem: .content(.contradiction(sentence))))
    }

    /// All mistakes of several values.
    package init?(joining all: [ConfigurationErrors]) {
        self.init(all.flatMap(\.all), omittedCount: all.reduce(0) { $0 + $1.omittedCount })
    }
}
