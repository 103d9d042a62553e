// How commands change the configuration: through the agent where one runs, else by themselves under the lock.
import Control
import JSON
import MemberConfiguration
import Trust

/// Changes configuration files for a command.
struct ConfigurationEditor {
    let directory: VarDirectory
    /// The command's name, for the agent's log.
    let source: String

    /// Each further try follows a change of somebody else, so they come to an end; this many only where somebody changes
    /// the file without pause.
    private static let tryCountMax = 100

    init(_ directory: VarDirectory, _ command: String) throws {
        try Sodium.start()
        self.directory = try directory.existing()
        source = CommandSource.text(command)
    }

    /// Makes a change of one file, again where somebody else was faster, and says what has come of it. Returns the file's
    /// new content.
    @discardableResult
    func edit<File: ConfigurationFile>(_: File.Type, _ body: (inout File) throws -> Void) async throws -> File {
        var tryCount = 0
        while true {
            tryCount += 1
            var (content, version) = try directory.configuration.loadVersioned(File.self)
            try body(&content)
            do {
                try await propose(ConfigurationProposal(content, expected: version, source: source))
                return content
            } catch AgentError.stale where tryCount < Self.tryCountMax {
                continue
            }
        }
    }

    /// Makes one change as it is given, and says what has come of it.
    func propose(_ proposal: ConfigurationProposal) async throws {
        var query = ["file": proposal.file.fileName, "source": proposal.source]
        if let expected = proposal.expected { query["expected"] = expected.description }
        do {
            let answer = try await ControlClient(directory: directory).request(
                .put, "/v1/configuration", query, body: proposal.text)
            print("The running agent has taken it up.")
            for line in answer.texts("changes") where line.hasSuffix(TakingEffect.nextStart) { print(line) }
        } catch AgentError.noDaemon {
            try await write(proposal)
            print("No agent is running for \(directory.path): it counts from the next start.")
        }
    }

    /// Without an agent.
    private func write(_ proposal: ConfigurationProposal) async throws {
        // Nothing follows, so what the other files hold does not matter.
        let store = ConfigurationStore(directory.configuration, current: Configuration())
        do {
            try await store.change(proposal)
        } catch let error as ConfigurationRefusal {
            if case .stale = error { throw AgentError.stale(error.description) }
            throw AgentError.refused(error.description)
        }
    }
}
