// The commands on configuration: config check, debug on and off.
import ArgumentParser
import OperatingSystem

struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check the configuration files.", subcommands: [ConfigCheck.self])
}

struct ConfigCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Read every configuration file and report all mistakes.")
    @OptionGroup var location: VarDirectoryOption

    func run() async throws {
        let directory = try location.directory.existing()
        let modes =
            [FileModes.checkPrivate(path: directory.path)].compactMap { $0?.description }
            + directory.configuration.checkModes().map(\.description)
        let (configuration, warnings) = try directory.configuration.load()
        let files = directory.configuration.checkReferencedFiles(configuration)
        for warning in warnings { Terminal.complain("warning: \(warning)") }
        guard modes.isEmpty, files.isEmpty else { throw AgentError.configuration(modes + files.map(\.description)) }
        print("\(directory.configuration.path): no mistakes")
    }
}

struct Debug: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "debug", abstract: "Switch debug logging of a topic on or off while the agent runs.",
        discussion: "Topics: \(DebugTopic.allCases.map(\.slug).joined(separator: ", ")), or all.",
        subcommands: [DebugOn.self, DebugOff.self])

    static func change(_ location: VarDirectoryOption, _ topic: String, isOn: Bool) async throws {
        let topics = topic == "all" ? DebugTopic.allCases : [try Self.topic(topic)]
        var file = try location.directory.existing().configuration.load(DebugConfiguration.self).content
        if isOn { file.topics.formUnion(topics) } else { file.topics.subtract(topics) }
        try location.directory.configuration.write(file)
        await Reload.ask(location.directory)
    }

    private static func topic(_ name: String) throws -> DebugTopic {
        guard let topic = DebugTopic(name: name) else {
            throw AgentError.usage(
                "there is no topic \"\(name)\"; topics: \(DebugTopic.allCases.map(\.slug).joined(separator: ", ")), all"
            )
        }
        return topic
    }
}

struct DebugOn: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "on", abstract: "Switch a topic on.")
    @OptionGroup var location: VarDirectoryOption
    @Argument(help: "The topic, or all.") var topic: String

    func run() async throws { try await Debug.change(location, topic, isOn: true) }
}

struct DebugOff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "off", abstract: "Switch a topic off.")
    @OptionGroup var location: VarDirectoryOption
    @Argument(help: "The topic, or all.") var topic: String

    func run() async throws { try await Debug.change(location, topic, isOn: false) }
}
