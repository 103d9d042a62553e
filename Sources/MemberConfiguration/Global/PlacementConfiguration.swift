// The value "config/placement": which scripts choose a server, and when.
import JSON

/// How servers are chosen for sessions and logins.
package struct PlacementConfiguration: Sendable, Equatable {
    /// The names of the scripts that choose a server for a new session, in the order in which they run.
    package var start: [String] = []
    /// The same for a login.
    package var login: [String] = []
    /// Whether a user who logs in is told why a script has failed.
    package var showLoginErrors = true

    /// The defaults: no script.
    package init() {}
}

extension PlacementConfiguration: ConfigurationPart {
    package static let keys: [ConfigurationKey<PlacementConfiguration>] = [
        chain("start", \.start, "The scripts that choose a server for a new session, in the order in which they run."),
        chain("login", \.login, "The scripts that choose a server for a login, in the order in which they run."),
        .boolean("showLoginErrors", \.showLoginErrors, "Whether a user who logs in is told why a script has failed."),
    ]

    private static func chain(
        _ name: String, _ path: any WritableKeyPath<PlacementConfiguration, [String]> & Sendable, _ meaning: String
    ) -> ConfigurationKey<PlacementConfiguration> {
        .value(
            name, path, type: "list of up to \(GlobalLimits.chainCountMax) names of scripts", meaning,
            read: { reader, name in
                reader.strings(
                    name, countMax: GlobalLimits.chainCountMax, of: "scripts",
                    allowed: "the name of a script: \(GlobalName.allowedNames)"
                ) { GlobalName.isAllowed($0) ? $0 : nil }
            }, write: { .array($0.map { .string($0) }) })
    }

    /// The chains by their keys.
    var chains: [(key: String, names: [String])] { [("start", start), ("login", login)] }
}

extension PlacementConfiguration {
    /// The keys of the chains that name a script.
    package func chains(naming script: String) -> [String] { chains.filter { $0.names.contains(script) }.map(\.key) }
}
