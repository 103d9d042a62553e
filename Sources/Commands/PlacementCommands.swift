// The commands about placements: how servers were chosen, and what would be chosen.
import ArgumentParser
import Control
import JSON
import OperatingSystem

struct PlacementCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "placement", abstract: "See how servers are chosen for logins and sessions.",
        subcommands: [Try.self, Log.self, Show.self, ExplainSession.self, Record.self])

    struct Try: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "try", abstract: "Ask the scripts without placing anything.",
            discussion: """
                Shows what each script was given, what it answered, what it wrote to its console, and what would be chosen,
                among the members as they are now or among those of a file that "placement record" has written.
                """)
        @OptionGroup var options: ClientOptions
        @Option(help: "What is placed: \"session/start\" or \"user/login\".") var action = "session/start"
        @Option(help: "The user's name.") var user: String
        @Option(help: "What the user sends, a JSON object: \"data\" for the scripts.") var data: String?
        @Option(help: "A file with recorded servers.") var servers: String?

        func run() async throws {
            var body: [String: JSONValue] = ["action": .string(action), "user": .string(user)]
            if let data { body["data"] = try Self.parse(data, "--data") }
            if let servers { body["servers"] = try Self.parse(Self.text(servers), servers) }
            let trace = try await options.client.request(
                .post, "/v1/placements/try", body: Array(JSONValue.object(body).canonicalText.utf8))
            PlacementText.print(trace, json: options.json)
        }

        private static func text(_ file: String) throws -> String {
            do throws(SystemError) { return try HostFile.text(at: Paths.absolute(file)) } catch {
                throw AgentError.usage("\(file): \(error)")
            }
        }

        private static func parse(_ text: String, _ name: String) throws -> JSONValue {
            do throws(JSONSyntaxError) { return try JSONValue.parse(text) } catch {
                throw AgentError.usage("\(name): not JSON: \(error)")
            }
        }
    }

    struct Log: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "log", abstract: "List the latest placements of this member, the newest first.")
        @OptionGroup var options: ClientOptions
        @Option(help: "How many at the most.") var count = 20

        func run() async throws {
            guard count > 0 else { throw AgentError.usage("--count \(count): 1 or more are listed") }
            let answer = try await options.client.request(.get, "/v1/placements", ["count": "\(count)"])
            if options.json { return print(answer.canonicalText) }
            guard case .array(let traces) = answer, !traces.isEmpty else { return print("no placements so far") }
            Terminal.table(
                [["TIME", "ID", "ACTION", "USER", "RESULT"]]
                    + traces.map { trace in
                        [
                            trace.text("time") ?? "", trace.text("id") ?? "", trace.text("action") ?? "",
                            ShownText.oneLine(trace.text("user") ?? ""),
                            trace.text("server") ?? "failed: \(ShownText.oneLine(trace.text("error") ?? ""))",
                        ]
                    })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show one placement of this member.")
        @OptionGroup var options: ClientOptions
        @Argument(help: "Its id, as \"fastx-agent placement log\" lists it.") var id: String

        func run() async throws {
            PlacementText.print(
                try await options.client.request(.get, "/v1/placements/trace", ["id": id]), json: options.json)
        }
    }

    struct ExplainSession: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "explain", abstract: "Show why a session is on its host.")
        @OptionGroup var options: ClientOptions
        @Argument(help: "The session's id.") var session: String

        func run() async throws {
            PlacementText.print(
                try await options.client.request(.get, "/v1/placements/session", ["id": session]), json: options.json)
        }
    }

    struct Record: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "record",
            abstract: "Write what all members tell of themselves to a file, for \"placement try\".")
        @OptionGroup var location: VarDirectoryOption
        @Argument(help: "The file; it must not be there yet.") var file: String

        func run() async throws {
            let servers = try await ControlClient(directory: location.directory).request(.get, "/v1/servers")
            let path = Paths.absolute(file)
            do throws(SystemError) {
                try FileModes.writePrivateFile(path, bytes: Array(servers.prettyText.utf8))
            } catch {
                throw AgentError.refused("\(file): \(error)")
            }
            if case .array(let all) = servers { print("\(all.count) servers are in \(path)") }
        }
    }
}

/// A trace as people read it.
enum PlacementText {
    static func print(_ trace: JSONValue, json: Bool) {
        if json { return Swift.print(trace.canonicalText) }
        for line in lines(trace) { Swift.print(line) }
    }

    static func lines(_ trace: JSONValue) -> [String] {
        var lines = ["\(trace.text("action") ?? "") for \(shown(trace.text("user"))), \(trace.text("time") ?? "")"]
        let chain = trace.texts("chain")
        lines.append(chain.isEmpty ? "no scripts: the default rule" : "scripts: \(chain.joined(separator: " -> "))")
        guard case .array(let runs)? = trace["runs"] else { return lines }
        for (index, run) in runs.enumerated() {
            if index > 0 { lines.append("once more, without the server that could not be reached:") }
            lines += text(of: run)
        }
        if let server = trace.text("server") { return lines + ["chosen: \(server)"] }
        lines.append("no server: \(shown(trace.text("detail")))")
        return lines + ["the user is told: \(shown(trace.text("error")))"]
    }

    private static func text(of run: JSONValue) -> [String] {
        var lines = ["candidates: \(list(run["candidates"]))"]
        if case .object(let leftOut)? = run["leftOut"] {
            for (id, reason) in leftOut.sorted(by: { $0.key < $1.key }) {
                if case .string(let reason) = reason { lines.append("  left out: \(id) \(shown(reason))") }
            }
            let more = (run.integer("leftOutCount") ?? 0) - Int64(leftOut.count)
            if more > 0 { lines.append("  left out: \(more) more") }
        }
        guard case .array(let calls)? = run["calls"] else { return lines }
        for call in calls { lines += text(ofCall: call) }
        return lines
    }

    private static func text(ofCall call: JSONValue) -> [String] {
        let milliseconds = call["milliseconds"]?.canonicalText ?? "?"
        var lines = ["\(shown(call.text("script"))) (\(milliseconds) ms): \(shown(call.text("answer")))"]
        if let returned = call["returned"] { lines.append("  left: \(list(returned))") }
        for line in call.texts("console") { lines.append("  console: \(shown(line))") }
        if let detail = call.text("detail") { lines.append("  \(shown(detail))") }
        if let stack = call["error"]?.text("stack") {
            lines += stack.split(whereSeparator: \.isNewline).map { "    \(shown(String($0)))" }
        }
        return lines
    }

    private static func list(_ value: JSONValue?) -> String {
        guard let value, let count = value.integer("count") else { return "none" }
        let ids = value.texts("first")
        if ids.isEmpty { return "none" }
        let more = count - Int64(ids.count)
        return ids.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }

    private static func shown(_ text: String?) -> String { ShownText.oneLine(text ?? "") }
}
