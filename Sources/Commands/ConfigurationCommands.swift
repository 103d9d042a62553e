// The commands on configuration files: config check, versions and write, debug on and off.
import ArgumentParser
import Control
import JSON
import MemberConfiguration
import OperatingSystem
import Trust

struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Check and change configuration: this member's files, and what all members share.",
        subcommands: [
            ConfigCheck.self, ConfigVersions.self, ConfigWrite.self, ConfigShow.self, ConfigSet.self, ConfigRemove.self,
            ConfigHistory.self, ConfigUndo.self, ConfigExport.self, ConfigImport.self,
        ])
}

struct ConfigCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Read every configuration file and report all mistakes.",
        discussion: "Where the agent runs, also the mistakes in the configuration that all members share.")
    @OptionGroup var location: VarDirectoryOption

    func run() async throws {
        let directory = try location.directory.existing()
        let modes =
            [FileModes.checkPrivate(path: directory.path)].compactMap { $0?.description }
            + directory.configuration.checkModes().map(\.description)
        let (configuration, warnings) = try directory.configuration.load()
        let files = directory.configuration.checkReferencedFiles(configuration)
        for warning in warnings { Terminal.complain("warning: \(warning)") }
        let all = modes + files.map(\.description) + (try await globalMistakes(directory))
        guard all.isEmpty else { throw AgentError.configuration(all) }
        print("\(directory.configuration.path): no mistakes")
    }

    /// None where no agent can be asked.
    private func globalMistakes(_ directory: VarDirectory) async throws -> [String] {
        let status: JSONValue
        do {
            status = try await ControlClient(directory: directory).request(.get, "/v1/status")
        } catch AgentError.noDaemon {
            return []
        }
        guard case .array(let mistakes)? = status["globalMistakes"] else { return [] }
        return mistakes.flatMap { Self.lines($0) }
    }

    /// What is said of a value of the cluster with a mistake: a line for each.
    static func lines(_ mistake: JSONValue) -> [String] {
        let writer = mistake.text("writtenBy") ?? "a member not known here"
        return mistake.texts("mistakes").map {
            "\($0) (written by \(writer), \(mistake.text("writtenAt") ?? "")); \(mistake.text("used") ?? "")"
        }
    }
}

struct ConfigVersions: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "versions", abstract: "Show the version of each configuration file, for \"config write\".")
    @OptionGroup var location: VarDirectoryOption

    func run() async throws {
        try Sodium.start()
        let directory = try location.directory.existing().configuration
        Terminal.table(
            try Configuration.files.map { file in [file.fileName, try directory.version(of: file).description] })
    }
}

struct ConfigWrite: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "write", abstract: "Replace a configuration file, unless it has mistakes.",
        discussion: """
            A running agent takes the change up before the file is replaced; where it cannot, nothing is changed. Scripts \
            that change a part of a file name the version that they have read, see "config versions": where somebody else \
            has changed the file since, nothing is written.
            """)
    @OptionGroup var location: VarDirectoryOption
    @Option(help: "The version that the file must have.") var expected: String?
    @Argument(help: "The name of the configuration file, such as settings.json.") var name: String
    @Argument(help: "The file with the new content; - for standard input.") var content: String

    func run() async throws {
        let editor = try ConfigurationEditor(location.directory, "config write")
        let file: any ConfigurationFile.Type
        let text: [UInt8]
        do {
            file = try Configuration.file(named: name)
            text = try HostFile.bytes(at: content == "-" ? "/dev/stdin" : Paths.absolute(content))
        } catch {
            throw AgentError.usage("\(error)")
        }
        try await editor.propose(
            ConfigurationProposal(
                file, text: text, expected: expected.map { ConfigurationVersion(text: $0) }, source: editor.source))
    }
}

struct Debug: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "debug", abstract: "Switch debug logging of a topic on or off while the agent runs.",
        discussion: "Topics: \(DebugTopic.allCases.map(\.slug).joined(separator: ", ")), or all.",
        subcommands: [DebugOn.self, DebugOff.self])

    static func change(_ location: VarDirectoryOption, _ topic: String, isOn: Bool) async throws {
        let topics = topic == "all" ? DebugTopic.allCases : [try Self.topic(topic)]
        try await ConfigurationEditor(location.directory, isOn ? "debug on" : "debug off").edit(
            DebugConfiguration.self
        ) { file in
            if isOn { file.topics.formUnion(topics) } else { file.topics.subtract(topics) }
        }
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
