// How commands change the configuration that all members share: through the agent, always.
import Control
import Glibc
import JSON
import MemberConfiguration

/// One value as the agent tells it.
struct GlobalEntry {
    /// As people type it: `scripts/Needs GPU`.
    let name: String
    /// What `--expected` takes.
    let version: String
    let document: JSONValue

    init?(_ document: JSONValue) {
        guard let name = document.text("name"), let version = document.text("version") else { return nil }
        self.name = name
        self.version = version
        self.document = document
    }

    /// The value's bytes.
    var bytes: [UInt8] { EntryDocument.value(document) ?? [] }
}

/// A change of one value, for the agent.
struct GlobalRequest {
    let name: GlobalName
    /// Nil: the value is to go.
    let text: String?
    /// A version, or `absent`; nil: anything.
    let expected: String?

    var json: JSONValue {
        var fields: [String: JSONValue] = ["name": .string(name.text)]
        if let text { fields["text"] = .string(text) }
        if let expected { fields["expected"] = .string(expected) }
        return .object(fields)
    }
}

/// What a change does, by the agent's word.
struct GlobalOutcome {
    let name: String
    let effect: String
    let version: String?
    /// The lines that go, with `-` before them, and those that come, with `+`.
    let difference: [String]

    init(_ document: JSONValue) {
        name = document.text("name") ?? "?"
        effect = document.text("effect") ?? "?"
        version = document.text("version")
        difference = document.texts("difference")
    }

    /// Such as `scripts/Needs GPU: changed, version …`.
    var line: String { "\(name): \(effect)" + (version.map { ", version \($0)" } ?? "") }
}

/// Asks a running agent.
struct GlobalClient {
    let client: ControlClient
    /// By what is asked, for the history.
    let source: String

    init(_ options: ClientOptions, _ command: String) {
        client = options.client
        source = CommandSource.text(command)
    }

    /// All values, or the one of a name.
    func entries(_ name: GlobalName? = nil) async throws -> [GlobalEntry] {
        let query = name.map { ["name": $0.text] } ?? [:]
        guard case .array(let entries) = try await client.request(.get, "/v1/global", query) else { return [] }
        return entries.compactMap { GlobalEntry($0) }
    }

    /// Makes changes, all or none; with `isCheck`, says what they would do.
    func change(_ requests: [GlobalRequest], isCheck: Bool = false) async throws -> [GlobalOutcome] {
        let body: JSONValue = [
            "changes": .array(requests.map(\.json)), "source": .string(source), "check": .bool(isCheck),
        ]
        return Self.outcomes(
            try await client.request(.post, "/v1/global", body: Array(body.canonicalText.utf8)))
    }

    /// Writes an older version of a value as a new one.
    func undo(_ name: GlobalName, to version: String) async throws -> [GlobalOutcome] {
        Self.outcomes(
            try await client.request(
                .post, "/v1/global/undo", ["name": name.text, "to": version, "source": source]))
    }

    private static func outcomes(_ answer: JSONValue) -> [GlobalOutcome] {
        guard case .array(let changes)? = answer["changes"] else { return [] }
        return changes.map { GlobalOutcome($0) }
    }
}

/// By what something is asked for, in the log and in the history.
enum CommandSource {
    /// The command, and who runs it as root where sudo says so.
    static func text(_ command: String) -> String {
        guard geteuid() == 0, let user = unsafe getenv("SUDO_USER").map({ unsafe String(cString: $0) }) else {
            return "fastx-agent \(command)"
        }
        return "fastx-agent \(command), by sudo of \(ShownText.oneLine(String(user.prefix(32))))"
    }
}
