// The commands for users on their own host: start, sessions, terminate; and the code that logs in at the pages.
import ArgumentParser
import Control
import Glibc
import JSON
import Replica
import Sessions

/// The agent's socket for this host's users.
struct UserSocketOption: ParsableArguments {
    @Option(help: "The agent's socket for users. Default: $FASTX_USER_SOCKET, or \(UserSocket.defaultPath).")
    var socket: String?

    var path: String {
        let environment = unsafe getenv(UserSocket.environmentVariable).map { unsafe String(cString: $0) }
        return Paths.absolute(socket ?? environment ?? UserSocket.defaultPath)
    }

    var client: ControlClient { ControlClient(userSocket: path) }
}

struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Start a session as the user who runs this.",
        discussion: """
            Prints the session's id once the session is starting. It starts on this host, in the process tree of whoever \
            runs this; with --place the cluster chooses a member, as it does for a start in the browser.
            """)
    @OptionGroup var socket: UserSocketOption
    @Option(help: "The command that the session runs, as your shell reads it.") var command: String
    @Option(help: "What to call the session.") var name: String?
    @Option(help: "The size of the display, WIDTHxHEIGHT in pixels.") var geometry: String?
    @Option(
        name: .customLong("param"),
        help: "A further parameter K=V, which the command finds as the variable FASTX_PARAM_K. May be repeated.")
    var params: [String] = []
    @Flag(help: "Start it at the member that the cluster's scripts choose.") var place = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        var body: [String: JSONValue] = ["command": .string(command)]
        if let name { body["name"] = .string(name) }
        if let geometry { body["geometry"] = .string(geometry) }
        if !params.isEmpty { body["params"] = .object(try Self.parameters(params)) }
        let answer = place ? try await startWherePlaced(body) : try await startHere(body, [:])
        print(json ? answer.canonicalText : answer.text("id") ?? "")
    }

    /// The session.
    private func startHere(_ body: [String: JSONValue], _ query: [String: String]) async throws -> JSONValue {
        try await startSteward()
        return try await ask(body, query)
    }

    /// The same at the member that is chosen. Where that is this one and a steward is missing, it is started from here too,
    /// and nothing is chosen again.
    private func startWherePlaced(_ body: [String: JSONValue]) async throws -> JSONValue {
        let answer = try await ask(body, ["place": "true"])
        guard answer["id"] == nil, let placement = answer.text("placement") else { return answer }
        return try await startHere(body, ["placement": placement])
    }

    private func ask(_ body: [String: JSONValue], _ query: [String: String]) async throws -> JSONValue {
        try await socket.client.request(
            .post, "/api/v1/sessions", query, body: Array(JSONValue.object(body).canonicalText.utf8))
    }

    private static func parameters(_ texts: [String]) throws -> [String: JSONValue] {
        var parameters: [String: JSONValue] = [:]
        for text in texts {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw AgentError.usage("--param \(text): not of the form K=V")
            }
            let name = String(text[..<equals])
            let value = JSONValue.string(String(text[text.index(after: equals)...]))
            guard parameters.updateValue(value, forKey: name) == nil else {
                throw AgentError.usage("--param \(name): given twice")
            }
        }
        return parameters
    }

    /// Whoever runs this is the user already, so the steward is started from here where there is none.
    private func startSteward() async throws {
        let me = try await socket.client.request(.get, "/api/v1/me")
        guard me["hasLink"] != true, let serverID = me.text("serverId").flatMap({ ServerID($0) }) else { return }
        var status = stat()
        guard unsafe stat(socket.path, &status) == 0 else { throw AgentError.noDaemon("\(socket.path) is gone") }
        let directory = socket.path.split(separator: "/").dropLast().joined(separator: "/")
        let result = await StewardCommand.run(
            StewardCommand.Arguments(
                socket: "/\(directory)/link.sock", agentUID: status.st_uid, serverID: serverID, isDetached: true))
        guard result == 0 else { throw AgentError.refused("your steward did not start") }
    }
}

struct SessionList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "List your sessions on this host.")
    @OptionGroup var socket: UserSocketOption
    @Flag(help: "Every user's sessions; for managers.") var all = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let answer = try await socket.client.request(.get, "/api/v1/sessions", all ? ["all": "true"] : [:])
        if json { return print(answer.canonicalText) }
        guard case .array(let sessions)? = answer["sessions"], !sessions.isEmpty else { return print("no sessions") }
        Terminal.table(
            [["id", "state", "user", "display", "viewers", "started", "name"]]
                + sessions.map { session in
                    [
                        session.text("id") ?? "", session.text("state") ?? "", session.text("user") ?? "",
                        session.text("display") ?? "", session.integer("clients").map(String.init) ?? "0",
                        session.text("started") ?? "", ShownText.oneLine(session.text("name") ?? ""),
                    ]
                })
    }
}

struct Terminate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "terminate", abstract: "End a session; remove one that has ended.")
    @OptionGroup var socket: UserSocketOption
    @Argument(help: "The session's id, as \"fastx-agent sessions\" shows it.") var id: String

    func run() async throws {
        guard !id.isEmpty, id.utf8.allSatisfy({ ($0 >= 48 && $0 <= 57) || ($0 >= 97 && $0 <= 122) }) else {
            throw AgentError.usage(
                "\"\(ShownText.oneLine(id))\" is no session's id; \"fastx-agent sessions\" lists them")
        }
        _ = try await socket.client.request(.delete, "/api/v1/sessions/\(id)")
    }
}

struct LoginCode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login-code", abstract: "Print an address with a code that logs the agent's own user in, once.",
        discussion: "The code is good for 10 minutes. settings.json has to name the way \"self\" for logins.")
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let answer = try await options.client.request(.post, "/v1/login-code")
        if options.json { return print(answer.canonicalText) }
        let code = answer.text("code") ?? ""
        for url in answer.texts("urls").isEmpty ? [""] : answer.texts("urls") { print("\(url)/#code=\(code)") }
    }
}
