// The part "sessions" of settings.json: what can be started, and how much of it.
import JSON

/// A command that the start dialog offers.
struct StartCommand: Sendable, Equatable {
    var name: String
    /// As the user's shell reads it.
    var command: String
    var description: String
}

/// Sessions of this server.
struct SessionConfiguration: Sendable, Equatable {
    var commands: [StartCommand] = [
        StartCommand(name: "Terminal", command: "xterm", description: "A terminal window"),
        StartCommand(
            name: "Xfce desktop", command: "startxfce4", description: "A whole desktop, where Xfce is installed"),
    ]

    /// Running sessions of one user on this server.
    var perUserMax = 20

    /// Running sessions on this server.
    var perServerMax = 200

    /// Hours without anybody connected after which a session counts as forgotten.
    var forgottenAfterHours = 168
}

/// The limits of `sessions`.
enum SessionConfigurationLimits {
    static let count = 1...10_000
    static let hours = 1...87_600
    static let commandCountMax = 100
    static let commandByteCountMax = 4_096
    static let textCharacterCountMax = 200
}

extension SessionConfiguration {
    init(from reader: inout ObjectReader) {
        self.init()
        commands = Self.commands(&reader) ?? commands
        perUserMax = reader.integer(
            "perUserMax", in: SessionConfigurationLimits.count, unit: "sessions", default: perUserMax)
        perServerMax = reader.integer(
            "perServerMax", in: SessionConfigurationLimits.count, unit: "sessions", default: perServerMax)
        forgottenAfterHours = reader.integer(
            "forgottenAfterHours", in: SessionConfigurationLimits.hours, unit: "hours", default: forgottenAfterHours)
        reader.finish()
    }

    private static func commands(_ reader: inout ObjectReader) -> [StartCommand]? {
        guard reader.has("commands") else {
            _ = reader.value("commands")
            return nil
        }
        let countMax = SessionConfigurationLimits.commandCountMax
        return reader.elements("commands", countMax: countMax, of: "commands").compactMap { place, value in
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

    func toJSON() -> JSONValue {
        [
            "commands": .array(
                commands.map {
                    [
                        "name": .string($0.name), "command": .string($0.command),
                        "description": .string($0.description),
                    ]
                }),
            "perUserMax": .integer(Int64(perUserMax)), "perServerMax": .integer(Int64(perServerMax)),
            "forgottenAfterHours": .integer(Int64(forgottenAfterHours)),
        ]
    }
}
