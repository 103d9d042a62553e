// The part "sessions" of settings.json: what can be started, and how much of it.
import JSON

/// A command that the start dialog offers.
package struct StartCommand: Sendable, Equatable {
    /// What the dialog shows.
    package var name: String
    /// As the user's shell reads it.
    package var command: String
    /// What it says besides; may be empty.
    package var description: String
}

/// Sessions of this server.
package struct SessionConfiguration: Sendable, Equatable {
    /// In the order in which they are offered.
    package var commands: [StartCommand] = [
        StartCommand(name: "Terminal", command: "xterm", description: "A terminal window"),
        StartCommand(
            name: "Xfce desktop", command: "startxfce4", description: "A whole desktop, where Xfce is installed"),
    ]

    /// Running sessions of one user on this server.
    package var perUserMax = 20

    /// Running sessions on this server.
    package var perServerMax = 200

    /// Hours without anybody connected after which a session counts as forgotten.
    package var forgottenAfterHours = 168

    /// The defaults.
    package init() {}
}

/// The limits of `sessions`.
enum SessionConfigurationLimits {
    static let count = 1...10_000
    static let hours = 1...87_600
    static let commandCountMax = 100
    static let commandByteCountMax = 4_096
    static let textCharacterCountMax = 200
}

extension SessionConfiguration: ConfigurationPart {
    package static let keys: [ConfigurationKey<SessionConfiguration>] = [
        .value(
            "commands", \.commands,
            type: """
                list of up to \(SessionConfigurationLimits.commandCountMax) objects with `name`, `command`, and \
                `description` if you like
                """,
            default: "a terminal and a desktop", "What the start dialog offers. Users may start other commands.",
            read: { reader, name in readCommands(&reader, name) }, write: { .array($0.map { $0.toJSON() }) }),
        .integer(
            "perUserMax", \.perUserMax, in: SessionConfigurationLimits.count, unit: "sessions",
            "Running sessions of one user on this member."),
        .integer(
            "perServerMax", \.perServerMax, in: SessionConfigurationLimits.count, unit: "sessions",
            "Running sessions on this member."),
        .integer(
            "forgottenAfterHours", \.forgottenAfterHours, in: SessionConfigurationLimits.hours, unit: "hours",
            "A session to which nobody has connected for this time is marked as forgotten."),
    ]

    private static func readCommands(_ reader: inout ObjectReader, _ key: String) -> [StartCommand]? {
        guard reader.has(key) else {
            _ = reader.value(key)
            return nil
        }
        let countMax = SessionConfigurationLimits.commandCountMax
        return reader.elements(key, countMax: countMax, of: "commands").compactMap { place, value in
            var reader = ObjectReader(value, at: place, log: reader.log)
            defer { reader.finish() }
            let textMax = SessionConfigurationLimits.textCharacterCountMax
            let name = reader.string(
                "name", allowed: "1 to \(textMax) characters on one line", isRequired: true
            ) { Self.line($0, textMax) }
            let commandMax = SessionConfigurationLimits.commandByteCountMax
            let command = reader.string(
                "command", allowed: "a shell command of 1 to \(commandMax) bytes", isRequired: true
            ) { (1...commandMax).contains($0.utf8.count) && !$0.utf8.contains(0) ? $0 : nil }
            let description = reader.string(
                "description", allowed: "up to \(textMax) characters on one line"
            ) { Self.line($0, textMax) }
            guard let name, let command else { return nil }
            return StartCommand(name: name, command: command, description: description ?? "")
        }
    }

    private static func line(_ text: String, _ characterCountMax: Int) -> String? {
        (1...characterCountMax).contains(text.count) && ShownText.oneLine(text) == text ? text : nil
    }
}

extension StartCommand {
    func toJSON() -> JSONValue {
        ["name": .string(name), "command": .string(command), "description": .string(description)]
    }
}
