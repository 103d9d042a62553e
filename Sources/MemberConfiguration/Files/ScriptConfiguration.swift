// The part "scripts" of settings.json: the program that runs scripts, and how much they may use.
import JSON

/// How scripts run on this host.
package struct ScriptConfiguration: Sendable, Equatable {
    /// Node, 18 or newer.
    package var node = "/usr/bin/node"
    /// How long one function may take.
    package var timeLimitMilliseconds = 2_000
    /// How much memory a script may use, in MiB.
    package var memoryLimitMiB = 256
    /// How long one metric may take.
    package var metricTimeLimitSeconds = 10
    /// As whom metrics run.
    package var metricsAs = MetricsUser.unit
    /// The absolute paths of the programs that metrics may start; any where there is none.
    package var metricsPrograms: [String] = []

    /// The defaults.
    package init() {}

    /// `timeLimitMilliseconds`, as a duration.
    package var timeLimit: Duration { .milliseconds(timeLimitMilliseconds) }
    /// `metricTimeLimitSeconds`, as a duration.
    package var metricTimeLimit: Duration { .seconds(metricTimeLimitSeconds) }
}

/// The limits of `scripts`.
enum ScriptConfigurationLimits {
    static let timeMilliseconds = 50...60_000
    static let memoryMiB = 32...16_384
    static let metricTimeSeconds = 1...300
    static let pathByteCountMax = 1_024
    /// With paths of that length they fit into what a guard is told at once.
    static let programCountMax = 30
}

extension ScriptConfiguration: ConfigurationPart {
    package static let keys: [ConfigurationKey<ScriptConfiguration>] = [
        .text(
            "node", \.node, type: "absolute path", allowed: "the absolute path of Node, version 18 or newer",
            "The program that runs scripts: Node, 18 or newer. It is needed only where a script is configured."
        ) { $0.hasPrefix("/") && $0.utf8.count <= ScriptConfigurationLimits.pathByteCountMax ? $0 : nil },
        .integer(
            "timeLimitMilliseconds", \.timeLimitMilliseconds, in: ScriptConfigurationLimits.timeMilliseconds,
            unit: "milliseconds", "How long one function of a chain may take. One that takes longer is ended."),
        .integer(
            "memoryLimitMiB", \.memoryLimitMiB, in: ScriptConfigurationLimits.memoryMiB, unit: "MiB",
            "How much memory scripts may use in one process. One that wants more is ended."),
        // These are written only where they are not at their defaults, as with `draining`.
        .value(
            "metricTimeLimitSeconds", \.metricTimeLimitSeconds,
            type: "whole number of seconds, \(ScriptConfigurationLimits.metricTimeSeconds.lowerBound) to "
                + "\(ScriptConfigurationLimits.metricTimeSeconds.upperBound)",
            default: "`10`", "How long one metric may take. One that takes longer is ended.",
            read: {
                $0.optionalInteger($1, in: ScriptConfigurationLimits.metricTimeSeconds, unit: "seconds")
            }, write: { $0 == ScriptConfiguration().metricTimeLimitSeconds ? nil : .integer(Int64($0)) }),
        .word(
            "metricsAs", \.metricsAs, default: .unit,
            """
            As whom metrics run: `"unit"` as the user of the unit `fastx-metrics.socket`, and not at all without it; \
            `"self"` as the agent's own user, who can read this member's files: the choice of one person's machine.
            """),
        .value(
            "metricsPrograms", \.metricsPrograms,
            type: "list of up to \(ScriptConfigurationLimits.programCountMax) absolute paths", default: "`[]`",
            """
            The programs that metrics may start, and no others; any if empty. Where Landlock is not there, no metric runs with \
            a list. See *Which programs* in `docs/placement.md`.
            """,
            read: { reader, name in
                reader.strings(
                    name, countMax: ScriptConfigurationLimits.programCountMax, of: "programs",
                    allowed:
                        "the absolute path of a program, of at most \(ScriptConfigurationLimits.pathByteCountMax) bytes "
                        + "and without control characters", accept: program)
            }, write: { $0.isEmpty ? nil : .array($0.map { .string($0) }) }),
    ]

    private static func program(_ path: String) -> String? {
        guard path.hasPrefix("/"), path.utf8.count <= ScriptConfigurationLimits.pathByteCountMax,
            !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
        else { return nil }
        return path
    }
}
