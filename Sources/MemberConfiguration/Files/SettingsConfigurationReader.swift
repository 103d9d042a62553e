// Reads and writes settings.json.
import Directory
import JSON

extension SettingsConfiguration: ConfigurationFile, ConfigurationPart {
    package static let fileName = "settings.json"
    package static let part: any WritableKeyPath<Configuration, SettingsConfiguration> & Sendable = \.settings

    package static let keys: [ConfigurationKey<SettingsConfiguration>] = [
        .boolean("loginsEnabled", \.loginsEnabled, "*Enable logins on this server*"),
        .boolean("sessionsEnabled", \.sessionsEnabled, "*Start new sessions on this server*"),
        // Written only where it is on: an earlier version, which does not know the key, can start on the directory.
        .value(
            "draining", \.draining, type: "boolean", default: "`false`",
            """
            This member takes no new logins and starts no new sessions, so that its host empties; those that are there go \
            on. Other members choose it for nothing.
            """, read: { $0.optionalBoolean($1) }, write: { $0 ? true : nil }),
        .boolean(
            "forceIndirect", \.forceIndirect,
            """
            Displays of another member's sessions come through the member that the user is at, and browsers do not try to \
            reach the session's member directly. It is enough that one of the two members says so. See *Direct first* in \
            `docs/operations.md`.
            """),
        .integer(
            "updateIntervalSeconds", \.updateIntervalSeconds, in: SettingsLimits.updateIntervalSeconds, unit: "seconds",
            "Time between two server updates. An update holds for 90 seconds."),
        .integer(
            "storeMapGiB", \.storeMapGiB, in: SettingsLimits.storeMapGiB, unit: "GiB",
            """
            Address space that is reserved for the store. It costs neither memory nor disk; the store cannot grow beyond \
            it.
            """, .atStart),
        .integer(
            "reconcileIntervalSeconds", \.reconcileIntervalSeconds, in: SettingsLimits.reconcileIntervalSeconds,
            unit: "seconds", "Time between two full comparisons over one link."),
        // Written only where it is another, for the same reason as `draining`.
        .value(
            "probeIntervalSeconds", \.probeIntervalSeconds,
            type: "whole number of seconds, \(SettingsLimits.probeIntervalSeconds.lowerBound) to "
                + "\(SettingsLimits.probeIntervalSeconds.upperBound)",
            default: "`\(SettingsConfiguration().probeIntervalSeconds)`",
            """
            Time after which this member asks another one whether it is there, where nothing else has told. See *Who reaches \
            whom* in `docs/operations.md`.
            """, read: { $0.optionalInteger($1, in: SettingsLimits.probeIntervalSeconds, unit: "seconds") },
            write: { $0 == SettingsConfiguration().probeIntervalSeconds ? nil : .integer(Int64($0)) }),
        .value(
            "urls", \.urls, type: "list of up to \(SettingsLimits.urlCountMax) URLs",
            """
            The URLs under which this member announces itself, with the same rules as `url` above (also port 3300 if \
            none is given). If empty, they come from the listen address and the host name.
            """, read: { reader, name in readURLs(&reader, name) }, write: { .array($0.map { .string($0) }) }),
        .text(
            "runtimeDirectory", \.runtimeDirectory, type: "absolute path of at most 80 bytes",
            allowed: "a directory's absolute path, of at most 80 bytes, or \"\"",
            """
            Where the sockets for this host's users are. If empty: the service manager's runtime directory (`/run/fastx` \
            with the unit of `packaging/`), else one of this member's own below `/tmp`, which the log names at the start.
            """, .atStart
        ) { path in path.isEmpty || (path.hasPrefix("/") && path.utf8.count <= 80) ? path : nil },
        .part("logins", \.logins),
        .part("sessions", \.sessions),
        // As with `draining`.
        .part("scripts", \.scripts, write: { $0 == ScriptConfiguration() ? nil : $0.toJSON() }),
        .word(
            "metrics", \.metrics, default: .cluster,
            """
            Which metrics run on this host: `"cluster"` for those of the cluster and those in the directory `metrics` here, \
            `"local"` for the latter alone, `"off"` for none. See `docs/placement.md`.
            """),
    ]

    private static func readURLs(_ reader: inout ObjectReader, _ name: String) -> [String] {
        var seen: [String: JSONPlace] = [:]
        var urls: [String] = []
        for (place, value) in reader.elements(name, countMax: SettingsLimits.urlCountMax, of: "URLs") {
            guard let url = MemberURL.read(value, at: place, log: reader.log) else { continue }
            if let first = seen.updateValue(place, forKey: url.text) {
                reader.log.report(.contradiction("\(url.text) is the same URL as \(first); remove one"), at: place)
                continue
            }
            urls.append(url.text)
        }
        return urls
    }
}
